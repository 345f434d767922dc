-- ARGV: nonce, writer, lifetime of a mark, lifetime of a note, epoch, (job, days) of each. Adds the days to the jobs'
-- notes and returns the notes' ids; returns nothing if all entries were invalidated in the meantime.
local writer, mark_life, note_life = ARGV[2], ARGV[3], tonumber(ARGV[4])
local ids, days = {}, {}
if epoch ~= ARGV[5] then
  return ids
end
for at = 6, #ARGV, 2 do
  local note = key('note', ARGV[at])
  local noted, id = unpack(redis.call('HMGET', note, 'days', 'id'))
  -- A note that has grown too long is started again; writers that relied on it invalidate all entries.
  if not noted or #noted > 1024 then
    noted, id = ',', nonce
  end
  noted = union(noted, ARGV[at + 1])
  redis.call('HSET', note, 'days', noted, 'id', id, 'at', now)
  -- A writer that finds the note recent has a minute to settle.
  redis.call('PEXPIRE', note, note_life + 60000)
  add_days(days, noted)
  ids[#ids + 1] = id
end
mark(days, writer, mark_life)
return ids
