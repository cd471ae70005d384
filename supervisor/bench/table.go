package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// row is one line of the table.
type row struct {
	what      string
	reference string // the reference supervisor v0.149.0, measured on a machine of this kind
	budget    string
	measured  string
	verdict   verdict
	note      string // shown below the table
}

type verdict string

const (
	pass    verdict = "pass"
	miss    verdict = "miss"
	noLimit verdict = "" // no budget
)

func judge(ok bool) verdict {
	if ok {
		return pass
	}
	return miss
}

func (r row) cells() []string {
	cells := []string{r.what, r.reference, r.budget, r.measured, string(r.verdict)}
	for i, c := range cells {
		if c == "" {
			cells[i] = "–"
		}
	}
	return cells
}

func header() []string {
	return []string{"what", "reference supervisor v0.149.0", "budget", "measured", "pass/miss"}
}

func writeText(w io.Writer, rows []row) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, strings.Join(header(), "\t"))
	for _, r := range rows {
		_, _ = fmt.Fprintln(tw, strings.Join(r.cells(), "\t"))
	}
	_ = tw.Flush()
	writeNotes(w, rows)
}

func writeMarkdown(w io.Writer, rows []row) {
	line := func(cells []string) {
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		_, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
	line(header())
	_, _ = fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(header())))
	for _, r := range rows {
		line(r.cells())
	}
	writeNotes(w, rows)
}

func writeNotes(w io.Writer, rows []row) {
	before := "\n"
	for _, r := range rows {
		if r.note != "" {
			_, _ = fmt.Fprintf(w, "%s- %s: %s\n", before, r.what, oneLine(r.note, 300))
			before = ""
		}
	}
}

// oneLine makes a text of at most that many characters without a line break.
func oneLine(text string, most int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return string(runes[:most]) + " …"
	}
	return string(runes)
}
