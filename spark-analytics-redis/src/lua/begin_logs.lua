-- ARGV: nonce, writer, lifetime of a mark, applications. Returns whether no other writer is ingesting logs of them.
begin_epoch()
local is_alone = 1
for at = 4, #ARGV do
  local app = key('app', ARGV[at])
  if redis.call('EXISTS', app) == 1 then
    is_alone = 0
  end
  redis.call('SET', app, ARGV[2], 'PX', ARGV[3])
end
return is_alone
