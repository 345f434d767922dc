-- ARGV: nonce, writer, lifetime of a mark, lifetime of a note, (job, days that the write reports) of each. Returns the
-- epoch, then for each job the id of its note, '' if it has no note or an old one.
begin_epoch()
local writer, mark_life, note_life = ARGV[2], ARGV[3], tonumber(ARGV[4])
local ids, jobs, days = {epoch}, {}, {}
for at = 5, #ARGV, 2 do
  jobs[#jobs + 1] = key('job', ARGV[at])
  local note = key('note', ARGV[at])
  local noted, id, learned_at = unpack(redis.call('HMGET', note, 'days', 'id', 'at'))
  if noted and now - learned_at <= note_life then
    local all = union(noted, ARGV[at + 1])
    if all ~= noted then
      redis.call('HSET', note, 'days', all)
    end
    add_days(days, all)
    ids[#ids + 1] = id
  else
    ids[#ids + 1] = ''
  end
end
mark(jobs, writer, mark_life)
mark(days, writer, mark_life)
return ids
