/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions in Redis, for processes on any number of machines. A session is a hash of
 * version and image. What compares and sets is a script: Redis runs it as one.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sessions-redis-link.h"

#define PREFIX "json-host:session:"

/* As text: numbers of Lua are doubles. A hash that is not there has the version "0". */
#define SCRIPT_CHECK                                                                               \
  "if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end "
static const char script_replace[] =
    SCRIPT_CHECK "redis.call('HSET', KEYS[1], 'version', ARGV[2], 'image', ARGV[3]) return 1";
static const char script_remove[] = SCRIPT_CHECK "redis.call('DEL', KEYS[1]) return 1";

struct redis {
  struct sessions sessions;
  struct redis_server server;
};

static enum sessions_status __attribute__((format(printf, 2, 3)))
down(struct sessions_error *error, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return SESSIONS_DOWN;
}

/* ---- sessions ---- */

static void add_bytes(struct redis_command *command, const char *bytes, size_t length)
{
  command->words[command->count] = bytes;
  command->lengths[command->count++] = length;
}

static void add_word(struct redis_command *command, const char *word)
{
  add_bytes(command, word, strlen(word));
}

static enum sessions_status take(const redisReply *reply, struct bytes *image, uint64_t *version,
                                 struct sessions_error *error)
{
  const redisReply *number, *bytes;

  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
    return down(error, "Redis has answered something else than a session");
  number = reply->element[0];
  bytes = reply->element[1];
  if (number->type == REDIS_REPLY_NIL)
    return SESSIONS_OTHER;
  if (number->type != REDIS_REPLY_STRING || bytes->type != REDIS_REPLY_STRING ||
      sscanf(number->str, "%" SCNu64, version) != 1)
    return down(error, "the session in Redis is damaged");
  image->length = image->capacity = (size_t)bytes->len;
  image->at = malloc(image->length ? image->length : 1);
  if (!image->at)
    return down(error, "no memory for the session");
  memcpy(image->at, bytes->str, image->length);
  return SESSIONS_OK;
}

static enum sessions_status load(struct sessions *sessions, const char *id, struct bytes *image,
                                 uint64_t *version, struct sessions_error *error)
{
  char key[128];
  struct redis_command command = {.reads = true};
  enum sessions_status status;
  redisReply *reply;

  snprintf(key, sizeof key, PREFIX "%s", id);
  add_word(&command, "HMGET");
  add_word(&command, key);
  add_word(&command, "version");
  add_word(&command, "image");
  reply = redis_server_run(&((struct redis *)sessions)->server, &command, error);
  if (!reply)
    return SESSIONS_DOWN;
  status = take(reply, image, version, error);
  freeReplyObject(reply);
  return status;
}

/* `image` NULL: the script takes none. */
static enum sessions_status compare_and(struct sessions *sessions, const char *script,
                                        const char *id, uint64_t old, uint64_t version,
                                        const struct bytes *image, struct sessions_error *error)
{
  char key[128], versions[2][24];
  struct redis_command command = {.reads = false};
  enum sessions_status status;
  redisReply *reply;

  snprintf(key, sizeof key, PREFIX "%s", id);
  snprintf(versions[0], sizeof versions[0], "%" PRIu64, old);
  snprintf(versions[1], sizeof versions[1], "%" PRIu64, version);
  add_word(&command, "EVAL");
  add_word(&command, script);
  add_word(&command, "1");
  add_word(&command, key);
  add_word(&command, versions[0]);
  add_word(&command, versions[1]);
  if (image)
    add_bytes(&command, image->at, image->length);
  reply = redis_server_run(&((struct redis *)sessions)->server, &command, error);
  if (!reply)
    return SESSIONS_DOWN;
  status = reply->type != REDIS_REPLY_INTEGER
               ? down(error, "Redis has not answered whether the session was stored")
           : reply->integer == 1 ? SESSIONS_OK
                                 : SESSIONS_OTHER;
  freeReplyObject(reply);
  return status;
}

static enum sessions_status replace(struct sessions *sessions, const char *id, uint64_t old,
                                    uint64_t version, const struct bytes *image, uint64_t deadline,
                                    struct sessions_error *error)
{
  return compare_and(sessions, script_replace, id, old, version, image, error);
}

static enum sessions_status discard(struct sessions *sessions, const char *id, uint64_t old,
                                    uint64_t deadline, struct sessions_error *error)
{
  return compare_and(sessions, script_remove, id, old, 0, NULL, error);
}

/* ---- the start and the end ---- */

static void close_redis(struct sessions *sessions)
{
  struct redis *redis = (struct redis *)sessions;

  redis_server_close(&redis->server);
  free(redis);
}

static bool parse_url(struct redis_server *server, const char *url)
{
  const char *at = url + strlen("redis://");
  int length = 0;

  server->port = 6379;
  if (sscanf(at, "%255[^:/]%n", server->host, &length) != 1)
    return false;
  at += length;
  length = 0;
  if (*at == ':' && sscanf(at, ":%5u%n", &server->port, &length) != 1)
    return false;
  at += length;
  length = 0;
  if (*at == '/' && at[1] != '\0' && sscanf(at, "/%5u%n", &server->database, &length) != 1)
    return false;
  at += *at == '/' && length == 0 ? 1 : length;
  return *at == '\0' && server->port >= 1 && server->port <= 65535;
}

struct sessions *sessions_redis_open(const char *url, struct sessions_error *error)
{
  static const struct sessions_interface calls = {
      .close = close_redis, .load = load, .replace = replace, .remove = discard};
  struct redis_command ping = {.words = {"PING"}, .lengths = {4}, .count = 1, .reads = true};
  struct redis *redis = calloc(1, sizeof *redis);
  redisReply *reply;

  if (!redis || !redis_server_open(&redis->server)) {
    (void)down(error, "--sessions=%s: no memory", url);
    free(redis);
    return NULL;
  }
  redis->sessions.calls = &calls;
  if (!parse_url(&redis->server, url)) {
    (void)down(error, "--sessions=%s: allowed is redis://HOST, or with :PORT and /DATABASE", url);
    close_redis(&redis->sessions);
    return NULL;
  }
  /* A wrong address is told now, not to the first client. */
  reply = redis_server_run(&redis->server, &ping, error);
  if (!reply) {
    close_redis(&redis->sessions);
    return NULL;
  }
  freeReplyObject(reply);
  return &redis->sessions;
}
