package ops

import "fmt"

// Note is an error with a way out, which the language prints below the message.
type Note struct {
	Err  string
	Note string
}

// Error returns the message without the note.
func (n *Note) Error() string { return n.Err }

// WithNote makes an error with a way out.
func WithNote(note, format string, args ...any) error {
	return &Note{fmt.Sprintf(format, args...), note}
}
