"""Connects to a loopback port as an HTTPS client of Python 3.13 does: strict checks, partial chains allowed."""
import socket
import ssl
import sys

bundle, port, name = sys.argv[1:]
context = ssl.create_default_context(cafile=bundle)
context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
with socket.create_connection(("127.0.0.1", int(port))) as plain:
    with context.wrap_socket(plain, server_hostname=name) as tls:
        print("trusted", tls.version())
