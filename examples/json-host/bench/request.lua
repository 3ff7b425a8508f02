-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- For wrk: the body is a file's, the figures are printed as JSON.
-- wrk -s request.lua URL -- BODY

function init(args)
  if args[1] then
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = "application/json"
    file:close()
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "refused": %d, "lost": %d, ' ..
    '"p50": %.1f, "p99": %.1f, "p99.9": %.1f}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
