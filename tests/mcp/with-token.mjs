// Stands between a tool that sends no bearer token and the server of MCP_URL: adds MCP_TOKEN to each request. Says where it listens.

import http from 'node:http';

const upstream = new URL(process.env.MCP_URL);

const proxy = http.createServer((request, response) => {
  const own = `127.0.0.1:${proxy.address().port}`;
  const headers = { ...request.headers, authorization: `Bearer ${process.env.MCP_TOKEN}` };
  // Its own name becomes the server's. Any other goes on as it is: what the server makes of it is what a test asks.
  if (headers.host === own) headers.host = upstream.host;
  if (headers.origin === `http://${own}`) headers.origin = upstream.origin;
  const { hostname, port } = upstream;
  const onward = http.request({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', (error) => response.writeHead(502).end(error.message));
  request.pipe(onward);
});

proxy.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${proxy.address().port}${upstream.pathname}`));
