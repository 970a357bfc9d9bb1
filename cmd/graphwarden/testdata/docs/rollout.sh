# The rollout that the docs speak of: two changes, the second of them rash.
token="$(graphwarden token mint --output header)"
graph=https://graph.microsoft.com/beta/deviceManagement
change() {
  curl -sS -o /dev/null -X "$1" -H "$token" -H 'Content-Type: application/json' -d "$3" "$graph/$2"
}
change PATCH embeddedSIMActivationCodePools/pool-1/assignments/assignment-1 '{"target":{"@odata.type":"microsoft.graph.groupAssignmentTarget","groupId":"6f1c2d3e-4a5b-4c6d-8e7f-901a2b3c4d5e","deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"none"}}'
change POST configurationPolicies/policy-1/assign '{"assignments":[]}'
