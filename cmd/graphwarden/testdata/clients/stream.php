<?php
// One change by PHP's streams, which take the roots from php.ini and the proxy from code alone.
[, $method, $url, $authorization, $body] = $argv;
$proxy = preg_replace('#^http:#', 'tcp:', rtrim(getenv('HTTPS_PROXY'), '/'));
$context = stream_context_create(['http' => ['method' => $method, 'content' => $body, 'ignore_errors' => true, 'proxy' => $proxy,
    'header' => ["Authorization: $authorization", 'Content-Type: application/json']]]);
$text = file_get_contents($url, false, $context);
if ($text === false) exit(1);
preg_match_all('#^HTTP/\S+ (\d+)#m', implode("\n", $http_response_header), $found);
echo end($found[1]), "\n", $text, "\n";
