package standin

// The ids of the seeded objects that pages and demos speak of.
const (
	// SeedPool is the eSIM activation code pool of the reference page.
	SeedPool = "9b1d3a4e-1111-4c5d-8e6f-0a1b2c3d4e5f"
	// SeedAssignment is the pool's assignment, to all licensed users.
	SeedAssignment = "6f7b2d10-2222-4a3b-9c4d-5e6f7a8b9c0d"
	// SeedGroup is a pilot group.
	SeedGroup = "0d8f2c6a-3333-4b1e-8d2c-7a6b5c4d3e2f"
	// SeedBroadGroup is a group of everybody.
	SeedBroadGroup = "c2a4e6f8-4444-4d3c-9b2a-1f0e9d8c7b6a"
	// SeedUser is the user that /me names.
	SeedUser = "4e5f6a7b-5555-4c8d-9e0f-1a2b3c4d5e6f"
)

// seeds are what every tenant begins with. Names are made up; example.com belongs to nobody.
var seeds = []struct{ set, id, typ, properties string }{
	{"/organization", "7c6b5a49-6666-4e3d-8c2b-1a0f9e8d7c6b", "organization", `{"displayName":"Stand-in","verifiedDomains":[{"name":"example.com","isDefault":true}]}`},
	{"/users", SeedUser, "user", `{"displayName":"Ada Admin","userPrincipalName":"ada@example.com","mail":"ada@example.com"}`},
	{"/users", "5f6a7b8c-5555-4d9e-8f1a-2b3c4d5e6f7a", "user", `{"displayName":"Paul Pilot","userPrincipalName":"paul@example.com","mail":"paul@example.com"}`},
	{"/groups", SeedGroup, "group", `{"displayName":"Ring 0 Pilot","mailEnabled":false,"securityEnabled":true}`},
	{"/groups", SeedBroadGroup, "group", `{"displayName":"All Staff","mailEnabled":false,"securityEnabled":true}`},
	{"/groups/" + SeedGroup + "/members", "5f6a7b8c-5555-4d9e-8f1a-2b3c4d5e6f7a", "user", `{"displayName":"Paul Pilot","userPrincipalName":"paul@example.com"}`},
	{"/devicemanagement/embeddedsimactivationcodepools", SeedPool, "embeddedSIMActivationCodePool", `{"displayName":"Travel eSIM","activationCodeCount":40}`},
	{"/devicemanagement/embeddedsimactivationcodepools/" + SeedPool + "/assignments", SeedAssignment, "embeddedSIMActivationCodePoolAssignment", `{"target":{"@odata.type":"microsoft.graph.allLicensedUsersAssignmentTarget"}}`},
	{"/devicemanagement/devicecompliancepolicies", "a1b2c3d4-7777-4e5f-8a6b-9c0d1e2f3a4b", "windows10CompliancePolicy", `{"displayName":"Disk encryption","version":1}`},
	{"/devicemanagement/devicecompliancepolicies/a1b2c3d4-7777-4e5f-8a6b-9c0d1e2f3a4b/assignments", "a1b2c3d4-7777-4e5f-8a6b-9c0d1e2f3a4b_" + SeedGroup, "deviceCompliancePolicyAssignment", `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + SeedGroup + `"}}`},
	{"/devicemanagement/deviceconfigurations", "b2c3d4e5-8888-4f6a-9b7c-0d1e2f3a4b5c", "windows10GeneralConfiguration", `{"displayName":"Kiosk","version":3}`},
	{"/devicemanagement/deviceconfigurations/b2c3d4e5-8888-4f6a-9b7c-0d1e2f3a4b5c/assignments", "b2c3d4e5-8888-4f6a-9b7c-0d1e2f3a4b5c_" + SeedGroup, "deviceConfigurationAssignment", `{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + SeedGroup + `"}}`},
	{"/devicemanagement/configurationpolicies", "c3d4e5f6-9999-4a7b-8c8d-1e2f3a4b5c6d", "deviceManagementConfigurationPolicy", `{"name":"Firewall"}`},
	{"/deviceappmanagement/mobileapps", "d4e5f6a7-aaaa-4b8c-9d9e-2f3a4b5c6d7e", "win32LobApp", `{"displayName":"Field Tool"}`},
	{"/deviceappmanagement/mobileapps/d4e5f6a7-aaaa-4b8c-9d9e-2f3a4b5c6d7e/assignments", SeedGroup + "_1_0", "mobileAppAssignment", `{"intent":"required","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"` + SeedGroup + `"}}`},
}

func seed(s *store) {
	for _, x := range seeds {
		fields, _ := members([]byte(x.properties))
		s.add(x.set, newObject(x.id, x.typ, fields))
		if x.id == SeedUser {
			s.set("/me", newObject(x.id, x.typ, fields))
		}
	}
}
