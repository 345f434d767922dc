-- ARGV: nonce, writer, life of a mark, life of a note, epoch, (job, days) of each. Gives the id of the note of each
-- job's days; nothing if all went stale meanwhile.
local writer, mark_life, note_life = ARGV[2], ARGV[3], tonumber(ARGV[4])
local ids = {}
if epoch ~= ARGV[5] then
  return ids
end
for at = 6, #ARGV, 2 do
  local note = key('note', ARGV[at])
  local days, id = unpack(redis.call('HMGET', note, 'days', 'id'))
  -- One that has grown too long begins anew, and those who relied on it make all stale.
  if not days or #days > 1024 then
    days, id = ',', nonce
  end
  days = union(days, ARGV[at + 1])
  redis.call('HSET', note, 'days', days, 'id', id, 'at', now)
  redis.call('PEXPIRE', note, 2 * note_life)
  mark_days(days, writer, mark_life)
  ids[#ids + 1] = id
end
return ids
