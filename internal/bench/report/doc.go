// Package report draws runs of shmbench: one HTML page that needs nothing else,
// and the same as one picture.
//
//	report.go       what is on it: header, table, a section for each workload
//	table.go        the table of results
//	section.go      which charts a workload has
//	bars.go         rates as bars, with the spread over the runs
//	ranges.go       latencies of many cases, one line each
//	percentiles.go  latencies of a few cases, p50 to the maximum
//	curve.go        a figure against another: subscribers, bytes, calls
//	chart.go        what charts have in common: title, legend, axes
//	style.go        colours and letters
//	page.go, svg.go the HTML page; charts lie in it as SVG
//	picture.go      the PNG
//
// Charts are drawn with gonum's plot, which writes the same drawing as SVG and as
// PNG. Libraries that draw in the browser would put a megabyte of script into
// each page and need a browser for the picture. In the page the colours are
// variables of its style sheet, so that it follows the reader's light or dark
// scheme; the picture is light.
package report
