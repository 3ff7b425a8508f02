# SLH_ADD_CFLAG(VARIABLE, FLAG)
# Appends FLAG to VARIABLE if the compiler takes it without a word.
AC_DEFUN([SLH_ADD_CFLAG], [
  AS_VAR_PUSHDEF([slh_takes], [slh_cv_cc_takes_$2])
  AC_CACHE_CHECK([whether $CC takes $2], [slh_takes], [
    slh_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AS_VAR_SET([slh_takes], [yes])], [AS_VAR_SET([slh_takes], [no])])
    CFLAGS=$slh_saved_CFLAGS
  ])
  AS_VAR_IF([slh_takes], [yes], [AS_VAR_APPEND([$1], [" $2"])])
  AS_VAR_POPDEF([slh_takes])
])

# SLH_ADD_CFLAGS(VARIABLE, FLAGS)
AC_DEFUN([SLH_ADD_CFLAGS],
  [m4_map_args_w([$2], [SLH_ADD_CFLAG([$1], ], [)])])

# SLH_FIND(VARIABLE, WANTED, MODULE, HEADER, FUNCTION, LIBRARY)
# Looks for a library: by pkg-config as MODULE, else as HEADER and FUNCTION in
# -lLIBRARY. Sets have_VARIABLE (yes or no), the conditional HAVE_VARIABLE,
# VARIABLE_CFLAGS and VARIABLE_LIBS. WANTED is yes (an error if there is
# none), no (not looked for) or auto.
AC_DEFUN([SLH_FIND], [
  have_$1=no
  AS_IF([test "x$2" != xno], [
    PKG_CHECK_MODULES([$1], [$3], [have_$1=yes], [
      AC_CHECK_HEADER([$4], [
        AC_CHECK_LIB([$6], [$5], [
          have_$1=yes
          $1_LIBS=-l$6
        ])
      ])
    ])
    AS_IF([test "x$2" = xyes && test "$have_$1" = no],
      [AC_MSG_ERROR([$3 was asked for, and not found])])
  ])
  AC_SUBST([$1_CFLAGS])
  AC_SUBST([$1_LIBS])
  AM_CONDITIONAL([HAVE_$1], [test "$have_$1" = yes])
])

# SLH_PREFER_ARCHIVE(VARIABLE, FUNCTION, LIBS)
# Replaces VARIABLE_LIBS by LIBS, a static archive and what it needs, if a
# program that calls FUNCTION links with it: calls into an archive are cheaper,
# and a peer is to be at its best.
AC_DEFUN([SLH_PREFER_ARCHIVE], [
  AS_IF([test "$have_$1" = yes], [
    AC_CACHE_CHECK([whether $2 links from an archive], [slh_cv_archive_$1], [
      slh_saved_LIBS=$LIBS
      LIBS="$3 $LIBS"
      AC_LINK_IFELSE([AC_LANG_CALL([], [$2])],
        [slh_cv_archive_$1=yes], [slh_cv_archive_$1=no])
      LIBS=$slh_saved_LIBS
    ])
    AS_IF([test "$slh_cv_archive_$1" = yes], [$1_LIBS="$3"])
  ])
])
