-- What wrk sends for scripts/bench-http: the argument names one of the requests below.
local threads = 0
local sent = 0

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local requests = {
    ["ingest"] = function()
        sent = sent + 1
        local job = (sent * 7919 + number) % 10000
        local body = string.format(
            '{"event":"SparkListenerTaskEnd","job_id":%d,"timestamp":"2024-04-05T%02d:%02d:%02d.%03dZ",'
                .. '"user":"user_%d@example.com","task_id":"task_%d_%d","duration_ms":%d,"successful":true}',
            job, sent % 24, sent % 60, sent % 59, sent % 1000, job % 5, number, sent, sent % 20000)
        return wrk.format("POST", "/api/v1/logs/ingest", { ["Content-Type"] = "application/json" }, body)
    end,
    ["job"] = function()
        sent = sent + 1
        return wrk.format("GET", "/api/v1/analytics/jobs/" .. (sent * 7919 + number) % 10000)
    end,
    ["small-day"] = function()
        return wrk.format("GET", "/api/v1/analytics/summary?date=2024-07-01")
    end,
    ["big-day"] = function()
        return wrk.format("GET", "/api/v1/analytics/summary?date=2024-06-01")
    end,
}

function init(args)
    request = requests[args[1]]
end
