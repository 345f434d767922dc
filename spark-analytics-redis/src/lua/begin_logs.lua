-- ARGV: nonce, writer, life of a mark, applications. Gives whether no other writer has logs of them in hand.
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
