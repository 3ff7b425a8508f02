%% SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
%%
%% Erlang under `slotheap-bench density`: a heap is a process that holds a list
%% of 30 integers and waits. A cons cell is two words, the 16 bytes of the
%% other systems' objects. See density-peer.c for arguments and output.
-module(density).
-export([main/1, born/2, hold/2]).

-define(NODES, 30).
-define(CREATE_SECONDS, 60).
-define(CHECK_EVERY, 1024).

%% ---- a heap ----

born(Number, Mode) ->
    First = Number * ?NODES,
    List = build(First, First + ?NODES, []),
    counters:add(persistent_term:get(born), 1, 1),
    rest(List, Mode).

build(End, End, List) -> List;
build(Value, End, List) -> build(Value + 1, End, [Value | List]).

%% Hibernation collects, and leaves a heap of exactly what lives. Awake, it has
%% 233 words at least, whatever min_heap_size and +hms say.
rest(List, hibernated) -> erlang:hibernate(?MODULE, hold, [List, hibernated]);
rest(List, awake) -> hold(List, awake).

hold([Value | Others] = List, Mode) ->
    receive
        stop ->
            List;
        Asker ->
            Changed = [-Value | Others],
            Asker ! sum(Changed, 0),
            rest(Changed, Mode)
    end.

sum([], Sum) -> Sum;
sum([Value | Others], Sum) -> sum(Others, Sum + Value).

%% ---- all of them ----

main([Heaps, Bytes, Mode]) ->
    persistent_term:put(born, counters:new(1, [])),
    _ = footprint(),
    Others = processes(),
    Before = footprint(),
    {CreateNs, Made} =
        timed(fun() -> create(list_to_integer(Heaps), list_to_integer(Bytes), list_to_atom(Mode)) end),
    After = footprint(),
    Made > 0 orelse error(no_heap),
    %% Only now: a list of them would have counted as their memory.
    Processes = lists:sort(processes() -- Others),
    {CollectNs, _} = timed(fun() -> lists:foreach(fun erlang:garbage_collect/1, Processes) end),
    {MutateNs, Sum} = timed(fun() -> mutate(Processes, self(), 0) end),
    Sum =:= expected(Made) orelse error(wrong_sum),
    {ReleaseNs, _} = timed(fun() -> release(Processes, length(Others)) end),
    [Resident, PageTables, Mappings] = lists:zipwith(fun(A, B) -> A - B end, After, Before),
    Each = [Ns / Made || Ns <- [CreateNs, CollectNs, MutateNs, ReleaseNs]],
    io:format("~b ~b ~b ~b ~.2f ~.2f ~.2f ~.2f~n", [Made, Resident, PageTables, Mappings | Each]),
    halt(0).

timed(Fun) ->
    Start = erlang:monotonic_time(nanosecond),
    Result = Fun(),
    {erlang:monotonic_time(nanosecond) - Start, Result}.

%% Yields to each new process at once, while all that it touches is in cache.
create(Heaps, Bytes, Mode) ->
    Start = erlang:monotonic_time(second),
    create(0, Heaps, fun() -> within_bounds(Start, Bytes) end, Mode).

create(Made, Heaps, Bounds, Mode) ->
    case Made =:= Heaps orelse (Made rem ?CHECK_EVERY =:= 0 andalso not Bounds()) of
        true ->
            wait_until(fun() -> counters:get(persistent_term:get(born), 1) =:= Made end),
            Made;
        false ->
            spawn(?MODULE, born, [Made, Mode]),
            erlang:yield(),
            create(Made + 1, Heaps, Bounds, Mode)
    end.

mutate([], _, Sum) -> Sum;
mutate([Process | Others], Self, Sum) ->
    Process ! Self,
    receive
        Answer -> mutate(Others, Self, Sum + Answer)
    end.

%% Of the values 0, 1, 2 and so on in all lists, the last of each being negated.
expected(Made) ->
    Last = Made * ?NODES - 1,
    Last * (Last + 1) div 2 - Made * (?NODES - 1 + Last).

release(Processes, Left) ->
    lists:foreach(fun(Process) -> Process ! stop, erlang:yield() end, Processes),
    wait_until(fun() -> erlang:system_info(process_count) =< Left end).

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> erlang:yield(), wait_until(Condition)
    end.

%% ---- what the kernel says of this process ----

footprint() ->
    Status = status(),
    {ok, Maps} = file:read_file("/proc/self/maps"),
    [kib(Status, "VmRSS"), kib(Status, "VmPTE"), length(binary:matches(Maps, <<"\n">>))].

status() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    Status.

%% Of a line of /proc/self/status, in bytes.
kib(Status, Name) ->
    {match, [Number]} = re:run(Status, Name ++ ":\\s+(\\d+)", [{capture, all_but_first, binary}]),
    binary_to_integer(Number) * 1024.

within_bounds(Start, Bytes) ->
    kib(status(), "VmRSS") =< Bytes andalso
        erlang:monotonic_time(second) - Start =< ?CREATE_SECONDS.
