// fastify with the signature proven by hand and the body parsed. Keeps nothing.
import { createHmac, timingSafeEqual } from "node:crypto";
import fastify from "fastify";

const app = fastify();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/webhooks/gitlab", (request, reply) => {
  const expected = `sha256=${createHmac("sha256", process.env.SECRET).update(request.body).digest("hex")}`;
  const given = request.headers["x-hub-signature-256"] ?? "";
  const proven = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  if (!proven) return reply.code(401).send();
  const event = JSON.parse(request.body);
  return reply.code(event.object_kind === "issue" ? 202 : 200).send();
});
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
