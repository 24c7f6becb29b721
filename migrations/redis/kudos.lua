#!lua name=kudos
-- What Kudos runs inside of Redis 7. Loaded on every master by the migration; where it is missing,
-- the same text runs as a script.
--
-- A post's hash `post:<id>:reactions` has one field per kind of reaction with its count, and in
-- capitals, which no kind has: V the version of these counts, C when the post was created and
-- A as of when the counts are (both in milliseconds since 1970), H if the post is hidden, R the
-- post's revision as of which it is or is not, and P the creation times, each followed by a comma,
-- whose windows may still list the post.
--
-- The orders are sorted sets of members `post:<id>`. A score of `posts:by_time` is C; one of
-- `posts:by_reactions` and its windows is the total, plus C as a fraction of 2^42. A score has 53
-- bits: totals from 2048 on push the last bits of C out. Members with a score below zero are no
-- posts: `!complete`, with the number of shards, says that nothing is missing, and `!loading:…` that
-- somebody sees to that.

local VERSION = 3
local FIRST_INEXACT = 2048
local FRACTION = 2 ^ 42
local MOST_TIES = 1000
local MOST_SCANNED = 200000
local RESERVED = { V = true, C = true, A = true, H = true, R = true, P = true }

-- Removes the kinds that `pairs` (name, count, name, count…) does not have.
local function drop_other_kinds(key, pairs)
  local wanted = {}
  for i = 1, #pairs, 2 do wanted[pairs[i]] = true end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not RESERVED[field] and not wanted[field] then redis.call('HDEL', key, field) end
  end
end

-- merge HASH · version created_at as_of (kind count)…
-- Takes the state over if it is newer than the one held; of version 0, the creation time anyway.
-- Answers with the whole hash, as it is now.
local function merge(keys, args)
  local key = keys[1]
  local version, created_at = tonumber(args[1]), args[2]
  local held = redis.call('HMGET', key, 'V', 'C', 'P', 'H', 'R')
  local held_version = tonumber(held[1] or nil)
  local newer = not held_version or version > held_version
  if newer then
    local counts = {}
    for i = 4, #args do counts[#counts + 1] = args[i] end
    redis.call('HSET', key, 'V', args[1], 'C', created_at, 'A', args[3], unpack(counts))
    local fields = 3 + #counts / 2
    for i = 3, 5 do fields = fields + (held[i] and 1 or 0) end
    if redis.call('HLEN', key) ~= fields then drop_other_kinds(key, counts) end
  end
  if held[2] and held[2] ~= created_at and (newer or version == 0) then
    redis.call('HSET', key, 'C', created_at, 'P', (held[3] or '') .. held[2] .. ',')
  end
  return redis.call('HGETALL', key)
end

-- hide HASH · (1 or 0) revision
-- Hides the post or shows it, unless that was decided at a newer revision. Answers with the whole
-- hash, as it is now; an empty one if nothing is held.
local function hide(keys, args)
  local held = redis.call('HMGET', keys[1], 'V', 'R')
  if not held[1] then return {} end
  if not held[2] or tonumber(args[2]) >= tonumber(held[2]) then
    redis.call('HSET', keys[1], 'R', args[2])
    if args[1] == '1' then
      redis.call('HSET', keys[1], 'H', '1')
    else
      redis.call('HDEL', keys[1], 'H')
    end
  end
  return redis.call('HGETALL', keys[1])
end

-- moved HASH · P
-- The windows of these creation times do not list the post any more.
local function moved(keys, args)
  if redis.call('HGET', keys[1], 'P') == args[1] then redis.call('HDEL', keys[1], 'P') end
  return 1
end

-- complete SET · loader shards
-- Marks the set as complete, unless the loader's mark was lost, and so maybe more, since it began.
local function complete(keys, args)
  if redis.call('ZREM', keys[1], args[1]) == 0 then return 0 end
  redis.call('ZADD', keys[1], '-' .. args[2], '!complete')
  return 1
end

-- Complete for another number of shards is not complete.
local function is_complete(key, shards)
  return tonumber(redis.call('ZSCORE', key, '!complete') or 0) == -tonumber(shards)
end

-- Whether a score is of a post created at `since` or later; false and true if that is open.
local function within(score, since)
  local total = math.floor(score)
  local created_at, lost, rest = (score - total) * FRACTION, 1, total
  while rest >= FIRST_INEXACT do rest, lost = rest / 2, lost * 2 end
  return created_at >= since, created_at + lost > since
end

-- The score, as number and text, of the limit-th post that is surely within.
local function threshold(found, limit)
  local scores = {}
  for _, entry in ipairs(found) do
    if entry.sure then scores[#scores + 1] = entry.score end
  end
  if #scores < limit then return nil end
  table.sort(scores)
  local lowest = scores[#scores - limit + 1]
  for _, entry in ipairs(found) do
    if entry.score == lowest then return lowest, entry.text end
  end
end

-- Reads on in a source, further each time.
local function fetch(source, since, found)
  local page = redis.call('ZREVRANGE', source.key, source.at, source.at + source.step - 1, 'WITHSCORES')
  source.at = source.at + source.step
  source.done = #page < 2 * source.step
  source.step = source.step * 2
  for i = 1, #page, 2 do
    local score = tonumber(page[i + 1])
    if score < 0 then
      source.done = true
      return
    end
    source.lowest = score
    local sure, maybe = true, true
    if source.partial then sure, maybe = within(score, since) end
    if maybe then
      found[#found + 1] = { member = page[i], text = page[i + 1], score = score, sure = sure }
    end
  end
end

-- Finds in all sources what is above the limit-th post, that post's score, and what is not above.
local function search(sources, limit, since)
  local found, scanned = {}, 0
  local lowest, text, more
  repeat
    more = false
    for _, source in ipairs(sources) do
      if not source.done and (not lowest or source.lowest > lowest) then
        scanned, more = scanned + source.step, true
        fetch(source, since, found)
      end
    end
    if scanned > MOST_SCANNED then return nil end
    lowest, text = threshold(found, limit)
  until not more
  return found, lowest, text
end

-- Puts posts and scores into an answer, and the creation times that the scores do not hold.
local function list(reply, member, text, score, times)
  reply[#reply + 1] = member
  reply[#reply + 1] = text
  reply[#reply + 1] = times and score >= FIRST_INEXACT and redis.call('ZSCORE', times, member) or ''
end

-- Of the ties with the limit-th, as many as are `needed`, or all where the creation time decides
-- between them: of equals the first by name comes first, but ZREVRANGE lists them the other way
-- round.
local function list_ties(reply, key, text, needed, times)
  local score = tonumber(text)
  local most = score < FIRST_INEXACT and needed or MOST_TIES
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, text, text, 'LIMIT', 0, most)) do
    list(reply, member, text, score, times)
  end
end

-- The common case, all posts of one order, without anything to sort.
local function top_of_all(key, limit, times)
  local reply = { '1' }
  local page = redis.call('ZREVRANGE', key, 0, limit - 1, 'WITHSCORES')
  local lowest = #page == 2 * limit and page[#page]
  for i = 1, #page, 2 do
    local text = page[i + 1]
    if text == lowest then break end
    local score = tonumber(text)
    if score < 0 then return reply end
    list(reply, page[i], text, score, times)
  end
  if lowest and tonumber(lowest) >= 0 then
    list_ties(reply, key, lowest, limit - (#reply - 1) / 3, times)
  end
  return reply
end

-- top BASE WINDOW… [TIMES] · shards limit since has_times
-- The first `limit` posts in popular order of those created at `since` or later, in no order and
-- with some more where that cannot be told from scores: member, score, and the creation time if
-- the score does not hold it and TIMES does. From BASE, or else from its windows merged, of which
-- the first is the one that may hold posts from before `since`.
-- Before them: 1, or 0 if BASE is not complete, or 2 if too many posts had to be passed over.
local function top(keys, args)
  local limit, since, timed = tonumber(args[2]), tonumber(args[3]), args[4] == '1'
  if not is_complete(keys[1], args[1]) then return { '0' } end
  local times = timed and keys[#keys]
  local last = timed and #keys - 1 or #keys
  if last == 1 and since == 0 then return top_of_all(keys[1], limit, times) end
  local first = last > 1 and 2 or 1
  local step = math.max(8, math.ceil(2 * limit / (last - first + 1)))
  local sources = {}
  for i = first, last do
    sources[#sources + 1] = { key = keys[i], at = 0, step = step, partial = i == first }
  end
  local found, lowest, text = search(sources, limit, since)
  if not found then return { '2' } end
  local reply, needed = { '1' }, limit
  for _, entry in ipairs(found) do
    if not lowest or entry.score > lowest then
      list(reply, entry.member, entry.text, entry.score, times)
      if entry.sure then needed = needed - 1 end
    end
  end
  if lowest then
    for _, source in ipairs(sources) do list_ties(reply, source.key, text, needed, times) end
  end
  return reply
end

-- Byte by byte, as sorted sets order members; Lua's own comparison follows the locale.
local function is_behind(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- The posts created at the very time `at` that are behind `after`.
local function rest_of_ties(key, at, after, limit, reply)
  local from = redis.call('ZCOUNT', key, '-inf', '(' .. at)
  local to = from + redis.call('ZCOUNT', key, at, at)
  local low, high = from, to
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_behind(redis.call('ZRANGE', key, middle, middle)[1], after) then
      high = middle
    else
      low = middle + 1
    end
  end
  local last = math.min(to, low + limit) - 1
  if low > last then return end
  for _, member in ipairs(redis.call('ZRANGE', key, low, last)) do
    reply[#reply + 1] = member
    reply[#reply + 1] = at
  end
end

-- recent TIMES · shards limit since [at after]
-- Posts behind `after`, which was created at `at`, newest first, down to those created at `since`:
-- member and creation time, those of one time in no order. Before them: 1, or 0 if TIMES is not
-- complete.
local function recent(keys, args)
  local key, limit, since, at = keys[1], tonumber(args[2]), args[3], args[4]
  if not is_complete(key, args[1]) then return { '0' } end
  local reply = { '1' }
  if at then rest_of_ties(key, at, args[5], limit, reply) end
  local left = limit - (#reply - 1) / 2
  if left == 0 then return reply end
  local from = at and '(' .. at or '+inf'
  local page = redis.call('ZREVRANGEBYSCORE', key, from, since, 'WITHSCORES', 'LIMIT', 0, left)
  local lowest = #page == 2 * left and page[#page]
  local ties = 0
  for i = 1, #page, 2 do
    if page[i + 1] == lowest then
      ties = ties + 1
    else
      reply[#reply + 1] = page[i]
      reply[#reply + 1] = page[i + 1]
    end
  end
  if lowest then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, lowest, lowest, 'LIMIT', 0, ties)) do
      reply[#reply + 1] = member
      reply[#reply + 1] = lowest
    end
  end
  return reply
end

-- mark KEY · believed new
-- Puts `new` in the place of what is believed to be there: '' is nothing, and '?', which no mark is,
-- only looks. Answers with what was there.
local function mark(keys, args)
  local found = redis.call('GET', keys[1])
  if (found or '') == args[1] then redis.call('SET', keys[1], args[2]) end
  return found
end

local function version()
  return VERSION
end

-- Up to here, the text is also run as a script, where nothing can be registered.
redis.register_function('kudos_merge', merge)
redis.register_function('kudos_hide', hide)
redis.register_function('kudos_moved', moved)
redis.register_function('kudos_complete', complete)
redis.register_function('kudos_mark', mark)
redis.register_function { function_name = 'kudos_top', callback = top, flags = { 'no-writes' } }
redis.register_function { function_name = 'kudos_recent', callback = recent, flags = { 'no-writes' } }
redis.register_function { function_name = 'kudos_version', callback = version, flags = { 'no-writes' } }
