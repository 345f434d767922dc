-- ARGV: nonce, lifetime of an entry, whose, first day, last day. Returns the epoch, then token and value of each day.
begin_epoch()
local found = {epoch}
for day = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  local entry = key('day', string.format('%d', day))
  local held = redis.call('HMGET', entry, 't', ARGV[3])
  found[#found + 1] = token_of(entry, held[1], ARGV[2])
  found[#found + 1] = held[2]
end
return found
