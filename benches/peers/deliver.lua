-- For wrk: signed deliveries of one payload, and at the end one line of JSON with what came of them. `run` prepares the
-- file that DELIVERIES names: the payload before and after the iid, then a line with iid and signatures per delivery.
-- Each thread takes its share of the lines; one that runs out begins again, which `run` finds out by the count.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local lines, place = {}, 0
local head, tail

function init(args)
  local file = assert(io.open(os.getenv("DELIVERIES"), "r"))
  local share = tonumber(os.getenv("THREADS"))
  head = file:read(tonumber(file:read("*l")))
  file:read("*l")
  tail = file:read(tonumber(file:read("*l")))
  file:read("*l")
  local line_number = 0
  for line in file:lines() do
    if line_number % share == number then table.insert(lines, line) end
    line_number = line_number + 1
  end
  file:close()
end

function request()
  place = place % #lines + 1
  local iid, id, time, standard, hub = lines[place]:match("(%S+) (%S+) (%S+) (%S+) (%S+)")
  return table.concat {
    "POST /webhooks/gitlab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
    "X-Gitlab-Event: Issue Hook\r\nX-GitHub-Event: issues\r\nX-GitHub-Delivery: ", id,
    "\r\nwebhook-id: ", id, "\r\nwebhook-timestamp: ", time, "\r\nwebhook-signature: v1,", standard,
    "\r\nX-Hub-Signature-256: sha256=", hub, "\r\nContent-Length: ", #head + #iid + #tail, "\r\n\r\n",
    head, iid, tail,
  }
end

function done(summary, latency)
  local broken = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d, "max": %d}\n',
    summary.requests, summary.duration, broken.status,
    broken.connect + broken.read + broken.write + broken.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
