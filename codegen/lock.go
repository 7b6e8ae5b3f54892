package codegen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Version is the version of the compiler, as the lock file and dlc version give it.
const Version = "0.1.0"

// lockFile is dlc.lock.json: what the package was made from, and what it consists of.
type lockFile struct {
	Version string            `json:"dlc"`
	Model   string            `json:"model"`
	Inputs  map[string]string `json:"inputs"` // name → sha256
	Files   map[string]string `json:"files"`  // name → sha256
}

// lock returns the lock file. It names every other file, so that dlc can tell its own files from the user's.
func (g *generator) lock(files map[string][]byte) []byte {
	l := lockFile{Version: Version, Model: g.unit.Module.Name, Inputs: map[string]string{}, Files: map[string]string{}}
	for name, data := range g.opt.Inputs {
		l.Inputs[name] = sum(data)
	}
	for name, data := range files {
		l.Files[name] = sum(data)
	}
	out, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		panic("codegen: " + err.Error()) // maps of strings always encode
	}
	return append(out, '\n')
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
