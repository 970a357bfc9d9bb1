# One change by openssl s_client, all bytes at once: METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
host=${2#https://} host=${host%%/*} path=/${2#https://*/}
printf '%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
  "$1" "$path" "$host" "$3" "${#4}" "$4" |
  openssl s_client -quiet -ign_eof -proxy "${HTTPS_PROXY#http://}" -connect "$host:443" -servername "$host" \
    -verify_return_error -verify_hostname "$host" -CAfile "$SSL_CERT_FILE" 2>openssl.err |
  tr -d '\r' | sed -e '1s/^HTTP[^ ]* \([0-9]*\).*/\1/' -e '2,/^$/d'
