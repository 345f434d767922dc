-- The beginning of every script. KEYS[1] holds the epoch, which is part of every other key's name: without it all of
-- them are unreachable. ARGV[1] is a nonce, a text that no other call ever passes.
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

-- The token that permits filling an entry, created if there is none; '' while a writer has marked the entry.
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

-- Deletes entries with their tokens, so that no reader that holds a token can fill one.
local function delete(entries)
  for first = 1, #entries, 1000 do
    redis.call('DEL', unpack(entries, first, math.min(first + 999, #entries)))
  end
end

-- Deletes entries, and prevents them from being filled for `life` ms or until they are unmarked.
local function mark(entries, writer, life)
  delete(entries)
  for _, entry in ipairs(entries) do
    local marks = entry .. ':w'
    redis.call('ZREMRANGEBYSCORE', marks, '-inf', now)
    redis.call('ZADD', marks, now + life, writer)
    redis.call('PEXPIRE', marks, life)
  end
end

local function unmark(entries, writer)
  delete(entries)
  for _, entry in ipairs(entries) do
    redis.call('ZREM', entry .. ':w', writer)
  end
end

-- Adds the days of one list to another. Lists of days are texts such as ',19812,19813,'.
local function union(days, more)
  for day in string.gmatch(more, '[^,]+') do
    if not string.find(days, ',' .. day .. ',', 1, true) then
      days = days .. day .. ','
    end
  end
  return days
end

-- Adds the entries of the days that are not yet among them, and returns the number of days.
local function add_days(entries, days)
  local count = 0
  for day in string.gmatch(days, '[^,]+') do
    count = count + 1
    if not entries[day] then
      entries[day] = true
      entries[#entries + 1] = key('day', day)
    end
  end
  return count
end

-- Invalidates all entries.
local function end_epoch()
  redis.call('DEL', KEYS[1])
end
