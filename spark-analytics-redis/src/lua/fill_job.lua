-- ARGV: nonce, epoch, job, token, value. Returns whether the job was filled.
if epoch ~= ARGV[2] then
  return 0
end
local entry = key('job', ARGV[3])
if redis.call('HGET', entry, 't') ~= ARGV[4] then
  return 0
end
redis.call('HSET', entry, 'v', ARGV[5])
return 1
