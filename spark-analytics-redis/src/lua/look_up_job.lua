-- ARGV: nonce, lifetime of an entry, job. Returns epoch, token, value.
begin_epoch()
local entry = key('job', ARGV[3])
local held = redis.call('HMGET', entry, 't', 'v')
return {epoch, token_of(entry, held[1], ARGV[2]), held[2]}
