<?php
// One change by the curl extension: client.php METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
[, $method, $url, $authorization, $body] = $argv;
$c = curl_init($url);
curl_setopt_array($c, [CURLOPT_CUSTOMREQUEST => $method, CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ["Authorization: $authorization", "Content-Type: application/json"]]);
$text = curl_exec($c);
if ($text === false) {
    fwrite(STDERR, curl_error($c) . "\n");
    exit(1);
}
echo curl_getinfo($c, CURLINFO_HTTP_CODE), "\n", $text, "\n";
