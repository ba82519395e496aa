// Package failpoint names the instants at which a test may kill or freeze a
// process. A normal build compiles every Hit to nothing; a build with the tag
// "failpoint" calls the function given to Set.
package failpoint

// Step names one instant, for example "publish/before-cas". Steps are
// constants of the package that passes them.
type Step string
