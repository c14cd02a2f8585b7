# markdown.awk - the figures of bench --json as README's table
#
#   awk -f tests/bench/markdown.awk FILE
#
# One line for each row that was measured on one CPU: what is to be reached,
# then the medians of all that were measured.  A figure of busyflux that
# reaches what it should is in bold.
function field(key, line) { # its number or text, "" without
    if (!match(line, "\"" key "\":(\"[^\"]*\"|[0-9.e+-]+)"))
        return ""
    line = substr(line, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
    gsub(/"/, "", line)
    return line
}
function median(name, line) {
    if (!match(line, "\"" name "\":\\{\"median\":[0-9.e+-]+"))
        return ""
    return substr(line, RSTART + length(name) + 13, RLENGTH - length(name) - 13)
}
function grouped(value, text) { # 1234567 as 1,234,567
    text = sprintf("%.0f", value)
    while (match(text, /[0-9][0-9][0-9][0-9](,|$)/))
        text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
    return text
}
function shown(value) {
    if (value == "")
        return "-"
    if (value >= 1000)
        return grouped(value)
    return sprintf(value >= 100 ? "%.0f" : value >= 1 ? "%.1f" : "%.2f", value)
}
BEGIN {
    n = split("floor busyflux flux redis", names, " ")
    print "| | to reach | floor | busyflux | Flux | redis |"
    print "|---|--:|--:|--:|--:|--:|"
}
/"pinned":true/ {
    unit = field("unit", $0)
    reach = field("reach", $0)
    line = "| " field("title", $0) (unit == "" ? "" : ", " unit)
    line = line " | " (reach == "" ? "" : shown(reach + 0))
    for (i = 1; i <= n; i++) {
        value = median(names[i], $0)
        text = shown(value == "" ? "" : value + 0)
        good = value + 0 <= reach + 0
        if (unit == "/s")
            good = value + 0 >= reach + 0
        if (names[i] == "busyflux" && reach != "" && value != "" && good)
            text = "**" text "**"
        line = line " | " text
    }
    print line " |"
}
