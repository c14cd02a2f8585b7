# markdown.awk - the figures of bench --json as README's table
#
#   awk -f tests/bench/markdown.awk FILE
#
# One line for each row that was measured on one CPU: what is to be reached,
# then the medians of all that were measured at all.  A figure of busyflux that
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
# What is there of a row: the median of each that was measured.
function keep_row(line, i, value) {
    rows++
    unit[rows] = field("unit", line)
    title[rows] = field("title", line) (unit[rows] == "" ? "" : ", " unit[rows])
    reach[rows] = field("reach", line)
    for (i = 1; i <= n; i++) {
        value = median(names[i], line)
        figure[rows, i] = value
        if (value != "")
            measured[i] = 1
    }
}
function is_good(row, value) {
    if (reach[row] == "" || value == "")
        return 0
    value += 0
    return unit[row] == "/s" ? value >= reach[row] + 0 : value <= reach[row] + 0
}
function cell(row, i, text) {
    text = shown(figure[row, i] == "" ? "" : figure[row, i] + 0)
    if (names[i] == "busyflux" && is_good(row, figure[row, i]))
        text = "**" text "**"
    return " | " text
}
BEGIN {
    n = split("floor busyflux flux dbus-broker redis", names, " ")
    split("floor busyflux Flux dbus-broker redis", heads, " ")
}
/"pinned":true/ { keep_row($0) }
END {
    line = "| | to reach"
    rule = "|---|--:"
    for (i = 1; i <= n; i++)
        if (measured[i]) {
            line = line " | " heads[i]
            rule = rule "|--:"
        }
    print line " |"
    print rule "|"
    for (row = 1; row <= rows; row++) {
        line = "| " title[row] " | " (reach[row] == "" ? "" : shown(reach[row] + 0))
        for (i = 1; i <= n; i++)
            if (measured[i])
                line = line cell(row, i)
        print line " |"
    }
}
