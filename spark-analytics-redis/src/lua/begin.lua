-- ARGV: nonce, writer, life of a mark, life of a note, (job, days that the write tells) of each. Gives epoch, then for
-- each job the id of the note of its days, '' if there is none or an old one.
begin_epoch()
local writer, mark_life, note_life = ARGV[2], ARGV[3], tonumber(ARGV[4])
local ids = {epoch}
for at = 5, #ARGV, 2 do
  mark(key('job', ARGV[at]), writer, mark_life)
  local note = key('note', ARGV[at])
  local days, id, learned_at = unpack(redis.call('HMGET', note, 'days', 'id', 'at'))
  if days and now - learned_at <= note_life then
    days = union(days, ARGV[at + 1])
    redis.call('HSET', note, 'days', days)
    redis.call('PEXPIRE', note, 2 * note_life)
    mark_days(days, writer, mark_life)
    ids[#ids + 1] = id
  else
    ids[#ids + 1] = ''
  end
end
return ids
