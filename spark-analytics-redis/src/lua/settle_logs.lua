-- ARGV: nonce, writer, applications. Gives whether no other writer has taken logs of them meanwhile; if one has, all
-- is stale.
if not epoch then
  return 0
end
for at = 3, #ARGV do
  local app = key('app', ARGV[at])
  if redis.call('GET', app) ~= ARGV[2] then
    end_epoch()
    return 0
  end
  redis.call('DEL', app)
end
return 1
