-- ARGV: nonce, writer, epoch, (job, id of its note) of each. Returns whether the epoch and all notes were still there; if
-- not, all entries are invalidated.
local writer = ARGV[2]
if epoch ~= ARGV[3] then
  end_epoch()
  return 0
end
local jobs, days, moved = {}, {}, {}
for at = 4, #ARGV, 2 do
  local note = key('note', ARGV[at])
  local noted, id = unpack(redis.call('HMGET', note, 'days', 'id'))
  if id ~= ARGV[at + 1] then
    end_epoch()
    return 0
  end
  local job = key('job', ARGV[at])
  jobs[#jobs + 1] = job
  if add_days(days, noted) > 1 then
    moved[job] = note
  end
end
unmark(jobs, writer)
unmark(days, writer)
-- These jobs may have moved: without a note, their next writer looks up their day again.
for job, note in pairs(moved) do
  if not is_marked(job) then
    redis.call('DEL', note)
  end
end
return 1
