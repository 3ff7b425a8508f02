# Examples are built by make check, which runs them. Those of json-host have files of
# their own.

check_PROGRAMS += examples/quickstart
examples_quickstart_LDADD = libslotheap.la

check_PROGRAMS += examples/event-loop
examples_event_loop_LDADD = libslotheap.la

# The steps of doc/embedding.md.
embedding_language = examples/embedding/language.c examples/embedding/language.h
embedding_vm = $(embedding_language) examples/embedding/vm.c examples/embedding/vm.h
check_PROGRAMS += \
	examples/embedding/step1 \
	examples/embedding/step2 \
	examples/embedding/step3 \
	examples/embedding/step4 \
	examples/embedding/step5 \
	examples/embedding/step6 \
	examples/embedding/step7 \
	examples/embedding/step8 \
	examples/embedding/step9
examples_embedding_step1_LDADD = libslotheap.la
examples_embedding_step2_SOURCES = examples/embedding/step2.c $(embedding_language)
examples_embedding_step2_LDADD = libslotheap.la
examples_embedding_step3_SOURCES = examples/embedding/step3.c $(embedding_vm)
examples_embedding_step3_LDADD = libslotheap.la
examples_embedding_step4_SOURCES = examples/embedding/step4.c $(embedding_vm)
examples_embedding_step4_LDADD = libslotheap.la
examples_embedding_step5_SOURCES = examples/embedding/step5.c $(embedding_vm)
examples_embedding_step5_LDADD = libslotheap.la
examples_embedding_step6_SOURCES = examples/embedding/step6.c $(embedding_vm)
examples_embedding_step6_LDADD = libslotheap.la
examples_embedding_step7_SOURCES = examples/embedding/step7.c $(embedding_vm)
examples_embedding_step7_LDADD = libslotheap.la
examples_embedding_step8_SOURCES = examples/embedding/step8.c $(embedding_vm)
examples_embedding_step8_LDADD = libslotheap.la
examples_embedding_step9_SOURCES = examples/embedding/step9.c $(embedding_vm)
examples_embedding_step9_LDADD = libslotheap.la

if HAVE_ARGP
check_PROGRAMS += examples/calc/calc
endif
examples_calc_calc_SOURCES = \
	examples/calc/calc.h \
	examples/calc/eval.c \
	examples/calc/host.h \
	examples/calc/main.c \
	examples/calc/native.c \
	examples/calc/parse.c \
	examples/calc/parse.h \
	examples/calc/session.c \
	examples/calc/token.c \
	examples/calc/tree.c \
	examples/calc/value.c
examples_calc_calc_LDADD = libslotheap.la -lm

EXTRA_DIST += \
	examples/calc/closures.calc \
	examples/calc/files.calc \
	examples/calc/hello.calc \
	examples/calc/hostile-files.calc \
	examples/calc/hostile-heap.calc \
	examples/calc/hostile-recursion.calc \
	examples/calc/hostile-steps.calc \
	examples/calc/hostile-strings.calc \
	examples/calc/lines.txt \
	examples/calc/strings.calc \
	examples/calc/trap.calc

include $(srcdir)/examples/json-host/engine.mk
include $(srcdir)/examples/json-host/host.mk
