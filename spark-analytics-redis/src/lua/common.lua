-- What every script begins with. KEYS[1] holds the epoch, which is part of every other key's name: without
-- it all of them are out of reach. ARGV[1] is a text that no other call ever gives.
local nonce = ARGV[1]
local epoch = redis.call('GET', KEYS[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function begin_epoch()
  if not epoch then
    epoch = nonce
    redis.call('SET', KEYS[1], epoch, 'PX', 86400000)
  end
end

local function key(kind, name)
  return KEYS[1] .. ':' .. epoch .. ':' .. kind .. ':' .. name
end

local function is_marked(entry)
  return redis.call('ZCOUNT', entry .. ':w', now, '+inf') > 0
end

-- The token of an entry that may be filled, made if there is none; '' while it is being written.
local function token_of(entry, held, life)
  if held then
    return held
  end
  if is_marked(entry) then
    return ''
  end
  redis.call('HSET', entry, 't', nonce)
  redis.call('PEXPIRE', entry, life)
  return nonce
end

-- Deletes an entry with its token, so that no reader who holds the token can fill it.
local function mark(entry, writer, life)
  local marks = entry .. ':w'
  redis.call('DEL', entry)
  redis.call('ZREMRANGEBYSCORE', marks, '-inf', now)
  redis.call('ZADD', marks, now + life, writer)
  redis.call('PEXPIRE', marks, life)
end

local function unmark(entry, writer)
  redis.call('DEL', entry)
  redis.call('ZREM', entry .. ':w', writer)
end

-- Sets of days are texts such as ',19812,19813,'.
local function union(days, more)
  for day in string.gmatch(more, '[^,]+') do
    if not string.find(days, ',' .. day .. ',', 1, true) then
      days = days .. day .. ','
    end
  end
  return days
end

local function mark_days(days, writer, life)
  for day in string.gmatch(days, '[^,]+') do
    mark(key('day', day), writer, life)
  end
end

-- Makes everything stale.
local function end_epoch()
  redis.call('DEL', KEYS[1])
end
