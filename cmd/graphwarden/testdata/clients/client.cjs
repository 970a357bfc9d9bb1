// One change by each of Node's ways: client.cjs LIBRARY METHOD URL AUTHORIZATION BODY. Prints the status, then the body.
const [library, method, url, authorization, body] = process.argv.slice(2);
const headers = { Authorization: authorization, 'Content-Type': 'application/json' };

function overHTTPS(agent) {
  return new Promise((resolve, reject) => {
    const request = require('https').request(url, { method, headers, agent }, (answer) => {
      let text = '';
      answer.on('data', (d) => (text += d)).on('end', () => resolve([answer.statusCode, text]));
    });
    request.on('error', reject).end(body);
  });
}

// A tunnel made by hand, as agents make it.
function byConnect() {
  const proxy = new URL(process.env.HTTPS_PROXY), target = new URL(url);
  return new Promise((resolve, reject) => {
    const connect = require('http').request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: target.host + ':443' });
    connect.on('error', reject).on('connect', (_, socket) => {
      const createConnection = () => require('tls').connect({ socket, servername: target.hostname });
      const request = require('https').request(url, { method, headers, createConnection, defaultPort: 443 }, (answer) => {
        let text = '';
        answer.on('data', (d) => (text += d)).on('end', () => { resolve([answer.statusCode, text]); socket.destroy(); });
      });
      request.on('error', reject).end(body);
    }).end();
  });
}

async function byFetch(f, options) {
  const answer = await f(url, { method, headers, body, ...options });
  return [answer.status, await answer.text()];
}

async function byAxios(axios) {
  const answer = await axios.request({ method, url, headers, data: body, validateStatus: () => true, transformResponse: (t) => t });
  return [answer.status, answer.data];
}

const ways = {
  connect: byConnect,
  fetch: () => byFetch(fetch),
  https: () => overHTTPS(),
  agent: () => overHTTPS(new (require('https-proxy-agent').HttpsProxyAgent)(process.env.HTTPS_PROXY)),
  undici: () => { const u = require('undici'); return byFetch(u.fetch, { dispatcher: new u.ProxyAgent(process.env.HTTPS_PROXY) }); },
  axios: () => byAxios(require('axios')),
  axios0: () => byAxios(require('axios-0')),
};

ways[library]().then(([status, text]) => { console.log(status); console.log(text); }, (e) => { console.error(e); process.exit(1); });
