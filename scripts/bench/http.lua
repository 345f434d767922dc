-- The requests that wrk sends for scripts/bench/http; the argument selects one.
local threads = 0
local sent = 0
-- Events of a later run are other events.
local round = os.time() % 100000

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local function post(event, job, fields)
    local body = string.format(
        '{"event":"SparkListener%s","job_id":%d,"timestamp":"2024-05-01T%02d:%02d:%02d.%03dZ",'
            .. '"user":"user_%d@example.com"%s}',
        event, job, sent % 24, sent % 60, sent % 59, sent % 1000, job % 5, fields)
    return wrk.format("POST", "/api/v1/logs/ingest", { ["Content-Type"] = "application/json" }, body)
end

local function task(job)
    return post("TaskEnd", job, string.format(
        ',"task_id":"task_%d_%d_%d","duration_ms":%d,"successful":true',
        round, number, sent, sent % 20000))
end

local requests = {
    -- Jobs that run now: 32 at a time a thread, each a start, ten tasks and an end.
    ["live"] = function()
        sent = sent + 1
        local step = math.floor(sent / 32)
        local job = (round * 16 + number) * 10000000 + math.floor(step / 12) * 32 + sent % 32
        if step % 12 == 0 then
            return post("JobStart", job, "")
        elseif step % 12 == 11 then
            return post("JobEnd", job,
                ',"completion_time":"2024-05-01T12:00:00Z","job_result":"JobSucceeded"')
        end
        return task(job)
    end,
    -- The worst case: late tasks of jobs that ended long ago, each another's, on 30 days.
    ["late"] = function()
        sent = sent + 1
        return task((sent * 7919 + number) % 10000)
    end,
    ["job"] = function()
        sent = sent + 1
        return wrk.format("GET", "/api/v1/analytics/jobs/" .. (sent * 7919 + number) % 10000)
    end,
    ["small-day"] = function()
        return wrk.format("GET", "/api/v1/analytics/summary?date=2024-07-01")
    end,
    ["health"] = function()
        return wrk.format("GET", "/health")
    end,
    ["big-day"] = function()
        return wrk.format("GET", "/api/v1/analytics/summary?date=2024-06-01")
    end,
}

function init(args)
    request = requests[args[1]]
end
