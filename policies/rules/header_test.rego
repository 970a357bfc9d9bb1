package graphwarden.rules.header_test

import data.graphwarden.fixture
import data.graphwarden.rules.header

denies(id, changes) if id in fixture.ids(header.deny) with input as fixture.but(changes)

warns(id, changes) if id in fixture.ids(header.warn) with input as fixture.but(changes)

test_good_request_passes if {
	count(header.deny) == 0 with input as fixture.request
	count(header.warn) == 0 with input as fixture.request
}

test_accept if {
	denies("header.accept", {"/request/accepts_json": false})
	not denies("header.accept", {"/request/accepts_json": true})
	not denies("header.accept", {"/request/accepts_json": false, "/graph/governed": false})
}

test_content_type if {
	denies("header.content_type", {"/request/content_json": false})
	not denies("header.content_type", {"/request/content_json": true})
	not denies("header.content_type", {"/request/content_json": null})
}

test_client_request_id if {
	warns("header.client_request_id", {"/request/traceable": false})
	not warns("header.client_request_id", {"/request/traceable": true})
}

agent(value) := ids if {
	ids := fixture.ids(header.warn) with input as fixture.but({"/request/headers/user-agent": [value]})
		with data.rules["header.user_agent"].floors as {"sdk": "2.1.0"}
}

test_user_agent if {
	agent("Mozilla/5.0 SDK/2.0.9") == {"header.user_agent"}
	agent("sdk/two") == {"header.user_agent"}
	agent("sdk/2.1.0 x") == set()
	agent("other/1.0.0") == set()
}
