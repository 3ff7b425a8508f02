# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Reads a public header, whose comments are the manual, and writes
#   as=names     the names of its functions
#   as=man       its manual page, of section 3
#   as=doxygen   the same header, with comments as Doxygen wants them
# so that headers stay plain C. What it relies on, of the tree's style: at the
# start of a line are declarations and their comments, and nothing else; a comment
# belongs to the declarations that follow without a blank line; a comment
# that stands alone is text; "---- name ----" begins a section; lines that are
# indented in a comment are shown as they are. Functions that come of a macro
# SLH_DEFINE_... have the comment that speaks of X, or the one before them.
#
# For as=man: date, version; page is the page's name, without section.

BEGIN { body = "\n" } # of the page, so far

NR == 1 { next } # the licence

in_comment { gather_comment($0); next }
in_macro { gather_macro($0); next }
in_type { gather_type($0); next }
in_signature { gather_signature($0); next }
in_body { if (/^[}]/) in_body = 0; next }

/^#ifdef __cplusplus/ { for_cplusplus = cplusplus_seen = 1; next }
/^#(else|endif)/ {
  if (!cplusplus_seen)
    pass($0)
  for_cplusplus = 0
  if (/^#endif/)
    cplusplus_seen = 0
  next
}
for_cplusplus { next }

/^\/\*/ { comment = ""; gather_comment($0); next }
/^$/ { end_group(); next }
/^#define / { macro = ""; gather_macro($0); next }
/^#include <slotheap\// { header_included($0); next }
/^#/ { pass($0); next }
/^SLH_(BEGIN|END)_DECLS/ { next }
/^SLH_STATIC_ASSERT/ { next }
/^SLH_DEFINE_/ { expand($0); next }
/^typedef (struct|enum|union) [a-z0-9_]+  *[{]/ { type = ""; gather_type($0); next }
/^(typedef|SLH_API|static inline) / { signature = ""; gather_signature($0); next }
{ fail("a line at top level that is no declaration") }

END {
  end_group()
  if (failed)
    exit 1
  if (as == "man")
    end_page()
}

function fail(why)
{
  print FILENAME ":" FNR ": " why > "/dev/stderr"
  failed = 1
  exit 1
}

# ---- what a header is made of ----

function gather_comment(line)
{
  comment = comment line "\n"
  in_comment = line !~ /\*\//
  if (!in_comment)
    comment_ends(bare(comment))
}

# A comment without what makes it one.
function bare(text)
{
  sub(/^\/\*[ \n]?/, "", text)
  sub(/ ?\*\/\n$/, "\n", text)
  gsub(/\n \*\n/, "\n\n", text)
  gsub(/\n \*\n/, "\n\n", text) # of two in a row, each
  gsub(/\n \* /, "\n", text)
  sub(/^ \* /, "", text)
  sub(/^[ \n]*\n/, "", text)
  gsub(/[ \n]+$/, "", text)
  return text
}

function comment_ends(text, name)
{
  if (!file_comment_seen) {
    file_comment_seen = 1
    on_file(text)
    return
  }
  end_group()
  if (text ~ /^---- /) {
    name = text
    sub(/^---- /, "", name)
    sub(/ ----(.|\n)*$/, "", name)
    sub(/^---- [^\n]* ----[ \n]*/, "", text)
    on_section(name)
    if (text != "")
      on_text(text)
    return
  }
  doc = text
  if (text ~ /_X\(|_X,/)
    x_doc = text
}

# Ends what the last comment belongs to.
function end_group()
{
  if (doc != "" && group_size == 0 && doc != x_doc)
    on_text(doc)
  if (group_size > 0)
    on_group_end()
  doc = ""
  group_size = 0
}

function declare(kind, name, code)
{
  if (group_size++ == 0)
    on_group_begin(doc)
  on_declaration(kind, name, code)
}

function gather_macro(line, name)
{
  macro = macro line "\n"
  in_macro = line ~ /\\$/
  if (in_macro)
    return
  name = macro
  sub(/^#define /, "", name)
  sub(/[^A-Za-z0-9_](.|\n)*$/, "", name)
  # Guards, and what the headers alone are written with.
  if (name ~ /^SLOTHEAP_/ || name ~ /^SLH_(API|NODISCARD|(UN)?LIKELY|(BEGIN|END)_DECLS|STATIC_ASSERT)$/)
    return
  if (name ~ /^SLH_DEFINE_/) {
    templates[name] = macro
    doc = ""
    return
  }
  declare("macro", name, macro)
}

function gather_type(line, name)
{
  type = type line "\n"
  in_type = line !~ /^[}]/
  if (in_type)
    return
  name = line
  gsub(/[} ;]/, "", name)
  declare("type", name, type)
}

# A prototype, a function type, or an inline function up to its body.
function gather_signature(line)
{
  if (line ~ /^[{]/) {
    in_signature = 0
    in_body = 1
    signature_ends(signature)
    return
  }
  signature = signature line "\n"
  in_signature = signature ~ /^static inline/ || line !~ /;/
  if (!in_signature)
    signature_ends(signature)
}

function signature_ends(code, name)
{
  sub(/[; ]*(\/\*.*\*\/)?[ \n]*$/, "", code)
  name = code
  if (code ~ /\(/) {
    sub(/\((.|\n)*$/, "", name)
    sub(/^(.|\n)*[ *\n]/, "", name)
    declare(code ~ /^typedef/ ? "type" : "function", name, code ";\n")
  } else {
    sub(/^.*[ *]/, "", name)
    declare("type", name, code ";\n")
  }
}

# SLH_DEFINE_SOMETHING(first, second): the functions it defines.
function expand(line, name, arguments)
{
  name = line
  sub(/\(.*$/, "", name)
  arguments = line
  sub(/^[^(]*\(/, "", arguments)
  sub(/\).*$/, "", arguments)
  split(arguments, argument, /, */)
  if (doc == "")
    doc = x_doc
  expand_template(name, argument[1], argument[2])
}

function expand_template(name, first, second, text, parameters, line, lines, count, i, part)
{
  if (!(name in templates))
    fail(name " is not defined before")
  text = templates[name]
  gsub(/[ ]*\\\n/, "\n", text)
  parameters = text
  sub(/^[^(]*\(/, "", parameters)
  sub(/\)(.|\n)*$/, "", parameters)
  split(parameters, parameter, /, */)
  gsub("##" parameter[1], first, text)
  # Longer names than that must stay: all of these come before a blank or a bracket.
  text = word(word(text, parameter[1], first), parameter[2], second)
  count = split(text, lines, "\n")
  line = ""
  for (i = 2; i <= count; i++) {
    part = lines[i]
    sub(/^  /, "", part)
    if (part ~ /^static inline/)
      line = part "\n"
    else if (line != "" && part !~ /^[{]/)
      line = line part "\n"
    else if (line != "") {
      defined_by_template = 1
      signature_ends(line)
      defined_by_template = 0
      line = ""
    } else if (part ~ /^SLH_DEFINE_/) {
      sub(/\(.*/, "", part)
      expand_template(part, first, second)
    }
  }
}

# Replaces a whole word.
function word(text, from, to, result, at, before, after)
{
  result = ""
  while ((at = index(text, from)) > 0) {
    before = at > 1 ? substr(text, at - 1, 1) : " "
    after = substr(text, at + length(from), 1)
    result = result substr(text, 1, at - 1) \
      ((before after) ~ /[A-Za-z0-9_]/ ? from : to)
    text = substr(text, at + length(from))
  }
  return result text
}

# ---- what becomes of it ----

function pass(line) { if (as == "doxygen") print line }

function header_included(line)
{
  pass(line)
  sub(/^#include <slotheap\//, "", line)
  sub(/\.h>$/, "", line)
  also[++also_count] = line
}

function on_file(text)
{
  if (as == "man")
    man_file(text)
  else if (as == "doxygen")
    printf "/** \\file\n%s*/\n", doxygen_text(text)
}

function on_section(name)
{
  if (as == "man")
    put(".SH " toupper(name))
}

function on_text(text)
{
  if (as == "man")
    put_blocks(text)
}

function on_group_begin(text)
{
  group_doc = text
  if (as == "man")
    group_code = ""
}

function on_declaration(kind, name, code)
{
  if (as == "names") {
    if (kind == "function")
      print name
  } else if (as == "doxygen") {
    doxygen_declaration(kind, code)
  } else {
    man_declaration(kind, name, code)
  }
}

function on_group_end()
{
  if (as == "man")
    man_group_end()
}

# ---- for Doxygen ----

function doxygen_text(text, lines, count, i, line, out, shown)
{
  out = ""
  count = split(text, lines, "\n")
  for (i = 1; i <= count; i++) {
    line = lines[i]
    if (line ~ /^  / && !shown)
      out = out "\\verbatim\n"
    if (line !~ /^  / && shown && line != "")
      out = out "\\endverbatim\n"
    shown = line ~ /^  / || (shown && line == "")
    if (!shown && sub(/^Errors?: /, "", line))
      line = "\\par Errors:\n" doxygen_escape(line)
    else if (!shown)
      line = doxygen_escape(line)
    out = out line "\n"
  }
  return out (shown ? "\\endverbatim\n" : "")
}

function doxygen_escape(line)
{
  gsub(/[\\@&$#<>%"]/, "\\\\&", line)
  while (match(line, /`[^`]*`/))
    line = substr(line, 1, RSTART - 1) "<code>" substr(line, RSTART + 1, RLENGTH - 2) "</code>" \
      substr(line, RSTART + RLENGTH)
  return line
}

# Comments of members: behind them, or before.
function doxygen_members(code, lines, count, i, line, at, out, inside)
{
  out = ""
  count = split(code, lines, "\n")
  for (i = 1; i < count; i++) {
    line = lines[i]
    at = index(line, "/*")
    if (at > 0 || inside) {
      if (at == 0)
        line = doxygen_escape(line)
      else
        line = substr(line, 1, at - 1) (substr(line, 1, at - 1) ~ /^ *$/ ? "/** " : "/**< ") \
          doxygen_escape(substr(line, at + 2))
      inside = line !~ /\*\//
    }
    out = out line "\n"
  }
  return out
}

function doxygen_declaration(kind, code)
{
  if (group_doc != "")
    printf "/** %s*/\n", doxygen_text(group_doc)
  if (kind == "type")
    code = doxygen_members(code)
  gsub(/SLH_API |SLH_NODISCARD /, "", code)
  printf "%s", code
}

# ---- a manual page ----

function put(line)
{
  if (line == ".PP" && body ~ /\n\.(SH [^\n]*|RS 4|PP)\n$/)
    return
  body = body line "\n"
}

# A line of the page that begins with no request by accident.
function man_escape(line)
{
  gsub(/\\/, "\\e", line)
  gsub(/-/, "\\-", line)
  gsub(/'/, "\\(aq", line)
  gsub(/\^/, "\\(ha", line)
  gsub(/~/, "\\(ti", line)
  if (line ~ /^\./)
    line = "\\\\&" line
  return line
}

# Running text: `this` in italics, names in bold.
function man_words(line, out, piece)
{
  line = man_escape(line)
  out = ""
  while (match(line, /`[^`]*`|(slh|SLH)_[A-Za-z0-9_]*\*?/)) {
    piece = substr(line, RSTART, RLENGTH)
    out = out substr(line, 1, RSTART - 1)
    if (piece ~ /^`/)
      out = out "\\fI" substr(piece, 2, RLENGTH - 2) "\\fP"
    else
      out = out "\\fB" piece "\\fP"
    line = substr(line, RSTART + RLENGTH)
  }
  gsub(/`/, "\\(ga", line)
  return out line
}

function put_blocks(text, lines, count, i, shown, line)
{
  count = split(text, lines, "\n")
  put(".PP")
  for (i = 1; i <= count; i++) {
    line = lines[i]
    if (line == "")
      continue
    if (line ~ /^  / && !shown) {
      put(".PP")
      put(".nf")
    } else if (line !~ /^  / && shown) {
      put(".fi")
      put(".PP")
    } else if (line !~ /^  / && i > 1 && (lines[i - 1] == "" || line ~ /^Errors?: /)) {
      put(".PP")
    }
    shown = line ~ /^  /
    put(shown ? man_escape(line) : man_words(line))
  }
  if (shown)
    put(".fi")
}

function man_file(text)
{
  # What the header is about: its first sentence, or what that says before a colon.
  about = text
  gsub(/\n/, " ", about)
  sub(/^slh_[a-z]+: /, "", about)
  if (!match(about, /[.:]( |$)/))
    fail("the file's comment has no sentence")
  about = substr(about, 1, RSTART - 1)
  about = tolower(substr(about, 1, 1)) substr(about, 2)
  put(".SH DESCRIPTION")
  put_blocks(text)
}

function man_declaration(kind, name, code)
{
  gsub(/SLH_API |SLH_NODISCARD |static inline /, "", code)
  if (defined_by_template && x_doc == group_doc) {
    # One for all X.
    if (!((argument[1] " ") in instance_seen)) {
      instance_seen[argument[1] " "] = 1
      instances = instances (instances == "" ? "" : ", ") argument[1]
    }
    if (!sub("_" argument[1] "$", "_X", name) || name in template_seen)
      return
    template_seen[name] = 1
    code = word(word(code, name_of_x(name), name), argument[2], "T")
  }
  if (kind == "macro") {
    sub(/[ ]*\\\n(.|\n)*$/, "\n", code)
    gsub(/[ ]*\\?\n$/, "\n", code)
  }
  code = unaligned(code)
  if (kind == "function")
    synopsis = synopsis code
  group_code = group_code code
}

function name_of_x(name)
{
  sub(/_X$/, "_" argument[1], name)
  return name
}

# Without what was blank for alignment with a name that is shorter now.
function unaligned(code, lines, count, i, out)
{
  if (code !~ /\(/ || code ~ /^(typedef (struct|enum|union)|#)/)
    return code
  count = split(code, lines, "\n")
  out = lines[1]
  for (i = 2; i < count; i++) {
    sub(/^ +/, "", lines[i])
    out = out "\n    " lines[i]
  }
  return out "\n"
}

function man_code(code)
{
  sub(/\n$/, "", code)
  gsub(/\\/, "\\e", code)
  gsub(/-/, "\\-", code)
  gsub(/'/, "\\(aq", code)
  gsub(/~/, "\\(ti", code)
  return code
}

function man_group_end(heads)
{
  # What ends with a heading says so before what it heads.
  heads = group_doc ~ /\n  [^\n]*$/
  if (group_code == "") {
    instances = ""
    return
  }
  if (heads)
    put_blocks(group_doc)
  put(".PP")
  put(".nf")
  put("\\fB" man_code(group_code) "\\fP")
  put(".fi")
  if (group_doc != "" && !heads) {
    put(".RS 4")
    put_blocks(group_doc)
    if (instances != "") {
      put(".PP")
      put("X is one of " instances "; T is the type of such a value.")
    }
    put(".RE")
  }
  instances = ""
}

function end_page(i, see)
{
  printf ".\\\" Made from include/slotheap/%s by doc/headers.awk\n", header
  printf ".TH %s 3 %s \"slotheap %s\" \"Library Functions Manual\"\n", page, date, version
  printf ".SH NAME\n%s \\- %s\n", page, man_escape(about)
  print ".SH LIBRARY\nlibslotheap (\\fI\\-lslotheap\\fP)"
  print ".SH SYNOPSIS\n.nf\n\\fB#include <slotheap.h>\\fP"
  if (synopsis != "")
    printf ".PP\n\\fB%s\\fP\n", man_code(synopsis)
  print ".fi"
  printf "%s", substr(body, 2)
  see = "\\fBslotheap\\fP(3)"
  for (i = 1; i <= also_count; i++)
    see = see ",\n\\fBslh_" also[i] "\\fP(3)"
  print ".SH SEE ALSO\n" see
}
