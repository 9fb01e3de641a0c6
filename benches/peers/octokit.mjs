// @octokit/webhooks as its README shows it: proves the signature, parses, calls a handler. Keeps nothing.
import { createServer } from "node:http";
import { createNodeMiddleware, Webhooks } from "@octokit/webhooks";

const webhooks = new Webhooks({ secret: process.env.SECRET });
let seen = 0;
webhooks.on("issues", () => {
  seen += 1;
});
const middleware = createNodeMiddleware(webhooks, { path: "/webhooks/gitlab" });
createServer(async (request, response) => {
  if (await middleware(request, response)) return;
  response.writeHead(404).end();
}).listen(Number(process.argv[2]), "127.0.0.1");
