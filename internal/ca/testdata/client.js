// Asks a loopback port as Node's https client does. The roots come from NODE_EXTRA_CA_CERTS.
const https = require("https");
const [port, name] = process.argv.slice(2);
https
  .get({ host: "127.0.0.1", port, servername: name, headers: { host: name }, agent: false }, (response) => {
    console.log("trusted", response.socket.getProtocol());
    response.resume();
  })
  .on("error", (err) => {
    console.error(err.code, err.message);
    process.exitCode = 1;
  });
