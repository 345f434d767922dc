-- ARGV: nonce, epoch, whose, number of days to fill, (day, token, value) of each, then (day, token) of the days that were
-- found in the cache. Returns how many days could not be filled, and whether those found are unchanged.
if epoch ~= ARGV[2] then
  return {tonumber(ARGV[4]), 0}
end
local function has(day, token)
  return redis.call('HGET', key('day', day), 't') == token
end
local refused, at = 0, 5
for _ = 1, tonumber(ARGV[4]) do
  if has(ARGV[at], ARGV[at + 1]) then
    redis.call('HSET', key('day', ARGV[at]), ARGV[3], ARGV[at + 2])
  else
    refused = refused + 1
  end
  at = at + 3
end
while ARGV[at] do
  if not has(ARGV[at], ARGV[at + 1]) then
    return {refused, 0}
  end
  at = at + 2
end
return {refused, 1}
