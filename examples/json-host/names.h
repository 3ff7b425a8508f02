/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The engine's sources are compiled twice, for two memories, and one program has both:
 * what they share among one another gets the name of its memory here.
 */
#ifndef JSON_HOST_NAMES_H
#define JSON_HOST_NAMES_H

#ifdef MEMORY_MALLOC
#define OF_MEMORY(name) name##_in_malloc
#else
#define OF_MEMORY(name) name##_in_slotheap
#endif

/* store.h */
#define store_begin OF_MEMORY(store_begin)
#define store_end OF_MEMORY(store_end)
#define store_fail OF_MEMORY(store_fail)
#define store_look_at_clock OF_MEMORY(store_look_at_clock)
#define store_time_left OF_MEMORY(store_time_left)
#define store_grow_stack OF_MEMORY(store_grow_stack)
#define store_set_document OF_MEMORY(store_set_document)
#define store_take OF_MEMORY(store_take)
#define store_return OF_MEMORY(store_return)
#define stores_seed OF_MEMORY(stores_seed)
#define stores_forget OF_MEMORY(stores_forget)
#define stores_init OF_MEMORY(stores_init)
#define stores_free OF_MEMORY(stores_free)
#define stores_figures OF_MEMORY(stores_figures)
/* object.h */
#define object_make OF_MEMORY(object_make)
#define object_find OF_MEMORY(object_find)
#define string_make OF_MEMORY(string_make)
#define key_make OF_MEMORY(key_make)
#define list_make OF_MEMORY(list_make)
/* compare.h */
#define values_equal OF_MEMORY(values_equal)
#define values_order OF_MEMORY(values_order)
/* parse.h, write.h, merge.h, recent.h, prelude.h */
#define parser_free OF_MEMORY(parser_free)
#define parse_literal OF_MEMORY(parse_literal)
#define store_parse OF_MEMORY(store_parse)
#define store_parse_end OF_MEMORY(store_parse_end)
#define write_value OF_MEMORY(write_value)
#define store_write OF_MEMORY(store_write)
#define store_merge OF_MEMORY(store_merge)
#define store_was_done OF_MEMORY(store_was_done)
#define store_set_done OF_MEMORY(store_set_done)
#define prelude_make OF_MEMORY(prelude_make)
/* query.h, query-token.h, query-parse.h, functions.h */
#define store_ask OF_MEMORY(store_ask)
#define query_parse OF_MEMORY(query_parse)
#define query_free OF_MEMORY(query_free)
#define query_evaluate OF_MEMORY(query_evaluate)
#define query_token OF_MEMORY(query_token)
#define query_token_value OF_MEMORY(query_token_value)
#define query_fail OF_MEMORY(query_fail)
#define query_expression OF_MEMORY(query_expression)
#define query_node OF_MEMORY(query_node)
#define query_list OF_MEMORY(query_list)
#define query_object OF_MEMORY(query_object)
#define query_function OF_MEMORY(query_function)
#define query_take OF_MEMORY(query_take)
#define query_literal OF_MEMORY(query_literal)
#define query_call OF_MEMORY(query_call)
#define query_signatures OF_MEMORY(query_signatures)
#define call_fail OF_MEMORY(call_fail)
#define call_sort OF_MEMORY(call_sort)
#define call_sort_by OF_MEMORY(call_sort_by)
#define call_max OF_MEMORY(call_max)
#define call_max_by OF_MEMORY(call_max_by)
#define call_min OF_MEMORY(call_min)
#define call_min_by OF_MEMORY(call_min_by)
/* the memory */
#define memory_drop OF_MEMORY(memory_drop)
#define memory_take OF_MEMORY(memory_take)
#define memory_fail OF_MEMORY(memory_fail)
#define memory_slow OF_MEMORY(memory_slow)
#define memory_allocate OF_MEMORY(memory_allocate)
#define memory_own OF_MEMORY(memory_own)
#define memory_settle OF_MEMORY(memory_settle)
#define memory_engine_new OF_MEMORY(memory_engine_new)
#define memory_engine_free OF_MEMORY(memory_engine_free)
#define memory_acquire OF_MEMORY(memory_acquire)
#define memory_release OF_MEMORY(memory_release)
#define memory_figures OF_MEMORY(memory_figures)
#define memory_metrics OF_MEMORY(memory_metrics)
#define memory_suspend OF_MEMORY(memory_suspend)
#define memory_resume OF_MEMORY(memory_resume)

#endif
