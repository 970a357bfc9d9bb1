# One change: client.ps1 METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
param($Method, $Url, $Authorization, $Body)
$answer = Invoke-WebRequest -Method $Method -Uri $Url -Headers @{ Authorization = $Authorization } -ContentType 'application/json' -Body $Body -SkipHttpErrorCheck
$answer.StatusCode
$answer.Content
