-- ARGV: nonce, writer, applications. Returns whether no other writer has begun to ingest logs of them in the meantime; if
-- one has, all entries are invalidated.
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
