#!/bin/sh
# readme.t - README.md's tour gives the output that is shown there
#
# The tour is all blocks behind a line "<!-- tour -->", in one piece.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/tour.sh
. "${0%/*}/tour.sh"

tour_of_readme() {
    awk '/^<!-- tour -->$/ { tour = 1; next }
         /^```console$/ { show = tour; tour = 0; next }
         /^```$/ { show = 0 }
         show' "$top/README.md"
}

# shellcheck disable=SC2016 # the backquotes are markdown
links() {
    grep -oE '`[a-z-]+\([17]\)`' "$top/README.md" |
        sed -E 's/`(.*)\((.)\)`/\1.\2/' | sort -u
}

mkdir "$W/tour"
cp "$top/examples/hello.c" "$W/tour"
C_INCLUDE_PATH=$B/include
export C_INCLUDE_PATH
tour_of_readme >"$W/text"
tour_check README "$W/text" "$W/tour"

for page in $(links); do
    ok "README's page $page is there" test -s "$top/man/$page"
done
finish
