-- ARGV: nonce, writer, epoch, (job, id of its note) of each. Gives whether what it needs was there still; if not, all
-- is stale.
local writer = ARGV[2]
if epoch ~= ARGV[3] then
  end_epoch()
  return 0
end
for at = 4, #ARGV, 2 do
  local entry, note = key('job', ARGV[at]), key('note', ARGV[at])
  local days, id = unpack(redis.call('HMGET', note, 'days', 'id'))
  if id ~= ARGV[at + 1] then
    end_epoch()
    return 0
  end
  unmark(entry, writer)
  local count = 0
  for day in string.gmatch(days, '[^,]+') do
    unmark(key('day', day), writer)
    count = count + 1
  end
  -- A job that moved: whoever writes it next looks anew where it is.
  if count > 1 and not is_marked(entry) then
    redis.call('DEL', note)
  end
end
return 1
