/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "failure.h"

static const struct {
  int status;
  const char *name;
} failures[FAILURES] = {
    [FAILURE_HEADER] = {400, "header"},
    [FAILURE_SESSION_ID] = {400, "session_id"},
    [FAILURE_NOT_FOUND] = {404, "not_found"},
    [FAILURE_METHOD] = {405, "method"},
    [FAILURE_SLOW] = {408, "slow"},
    [FAILURE_CONFLICT] = {409, "conflict"},
    [FAILURE_LENGTH] = {411, "length_required"},
    [FAILURE_PRECONDITION] = {412, "precondition"},
    [FAILURE_BODY] = {413, "body_too_large"},
    [FAILURE_URI] = {414, "uri_too_long"},
    [FAILURE_HEADERS] = {431, "headers_too_large"},
    [FAILURE_SESSIONS] = {503, "sessions"},
};

int failure_status(int kind)
{
  return kind < FAILURE_HEADER ? problem_http_status((enum problem_kind)kind)
                               : failures[kind].status;
}

const char *failure_name(int kind)
{
  return kind < FAILURE_HEADER ? problem_name((enum problem_kind)kind) : failures[kind].name;
}

bool failure_has_place(int kind)
{
  return kind == PROBLEM_SYNTAX || kind == PROBLEM_QUERY || kind == PROBLEM_DEPTH ||
         kind == PROBLEM_DUPLICATE || kind == PROBLEM_NUMBER || kind == PROBLEM_EVALUATION;
}
