package cli

import (
	"fmt"
	"io"

	"github.com/sirupsen/logrus"
)

// newLogger returns the one logger of the program. It writes plain lines to
// the error stream: standard output carries results only.
func newLogger(w io.Writer) *logrus.Logger {
	l := logrus.New()
	l.SetOutput(w)
	l.SetFormatter(lineFormatter{})
	return l
}

func setLevel(l *logrus.Logger, quiet bool, verbose int) {
	switch {
	case quiet:
		l.SetLevel(logrus.ErrorLevel)
	case verbose == 0:
		l.SetLevel(logrus.InfoLevel)
	default:
		l.SetLevel(logrus.DebugLevel)
	}
}

// lineFormatter writes "whittle: message", as the program's errors look, and
// names the level where it is not the ordinary one.
type lineFormatter struct{}

// Format implements logrus.Formatter.
func (lineFormatter) Format(e *logrus.Entry) ([]byte, error) {
	level := ""
	if e.Level != logrus.InfoLevel {
		level = e.Level.String() + ": "
	}
	line := fmt.Sprintf("whittle: %s%s", level, e.Message)
	if err, ok := e.Data[logrus.ErrorKey]; ok {
		line += fmt.Sprintf(": %v", err)
	}
	return []byte(line + "\n"), nil
}
