package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataPlace says where data files lie.
type dataPlace struct {
	override string // what --data gives in place of the recipe's source: "mnist" or a folder; "" for none
	mnist    string // the folder of the original MNIST files; "" where unknown
	base     string // the folder that the recipe's paths are relative to
}

// dataPart is one part of a data set: what is trained on, held out or tested with.
type dataPart interface {
	examples
	// split parts it in a set to train on and one to validate with.
	split(fraction float64) (train, held dataPart, err error)
	// show writes example i to an input of a session and returns its label, -1 where it has none.
	show(s *Session, port, i int) (label int)
}

// dataSets are the parts of a data set. held is nil where nothing is held out, test where the source has no test set.
type dataSets struct {
	train, held, test dataPart
}

// idxFiles are the paths of one data set in IDX files; without test files there is no test set.
type idxFiles struct {
	images, labels         string
	testImages, testLabels string
}

// openData reads the parts of the recipe's data that wanted names: "train" (which brings "validation" along), "test". The recipe starts
// with its source: mnist(split, validation=f), idx(images, labels, validation=f, test_images, test_labels), or csv(file, validation=f, test, and columns by
// the names of the ports).
func openData(m *modelInfo, place dataPlace, wanted ...string) (dataSets, error) {
	if len(m.recipe.data) == 0 {
		return dataSets{}, fmt.Errorf("%s has no train block that says what its data is", m.source)
	}
	source := m.recipe.data[0]
	open, err := place.opener(m, source)
	if err != nil {
		return dataSets{}, err
	}
	var sets dataSets
	for _, part := range wanted {
		switch part {
		case "train":
			if sets.train, err = open(part); err != nil {
				return dataSets{}, err
			}
			if f := argNumber(source, "validation", 0); f != 0 {
				if sets.train, sets.held, err = sets.train.split(f); err != nil {
					return dataSets{}, err
				}
			}
		case "test":
			if sets.test, err = open(part); err != nil {
				return dataSets{}, err
			}
		}
	}
	return sets, nil
}

// opener returns what reads a part of the source, "train" or "test"; a test part that there is none of is nil.
func (p dataPlace) opener(m *modelInfo, source call) (func(part string) (dataPart, error), error) {
	if source.name == "csv" && p.override != "mnist" {
		file := p.path(argWord(source, "file", ""))
		if p.override != "" {
			file = p.override
		}
		return func(part string) (dataPart, error) {
			path := file
			if part == "test" {
				if path = p.path(argWord(source, "test", "")); path == "" {
					return nil, nil
				}
			}
			return openCSV(part, m, source, path, m.recipe.data[1:])
		}, nil
	}
	files, err := p.files(source)
	if err != nil {
		return nil, err
	}
	if argWord(source, "split", "train") == "test" {
		// The recipe wants to learn from the test files: then nothing is left to test with.
		if files.testImages == "" {
			return nil, fmt.Errorf("%s: the data has no test files", source.name)
		}
		files = idxFiles{images: files.testImages, labels: files.testLabels}
	}
	in, _, err := onePort(m)
	if err != nil {
		return nil, err
	}
	steps, err := newPixelMap(m.recipe.data[1:], channelsOf(in.shape))
	if err != nil {
		return nil, err
	}
	return func(part string) (dataPart, error) {
		if part == "train" {
			return openTable(part, m, files.images, files.labels, steps)
		}
		if files.testImages == "" {
			return nil, nil
		}
		return openTable(part, m, files.testImages, files.testLabels, steps)
	}, nil
}

// openTable reads images and labels.
func openTable(name string, m *modelInfo, images, labels string, steps *pixelMap) (dataPart, error) {
	x, err := openIDX(images, 2, 4)
	if err != nil {
		return nil, err
	}
	y, err := openIDX(labels, 1, 1)
	if err != nil {
		return nil, err
	}
	t, err := newTable(name, m, x, y, steps)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// files finds the files of a source, or of what the user gave in its place.
func (p dataPlace) files(source call) (idxFiles, error) {
	switch {
	case p.override != "" && p.override != "mnist":
		return filesIn(p.override)
	case p.override == "mnist" || source.name == "mnist":
		if p.mnist == "" {
			return idxFiles{}, errors.New("the folder of the MNIST files is not known: give it with --data-dir")
		}
		return filesIn(p.mnist)
	case source.name == "idx":
		f := idxFiles{
			images: p.path(argWord(source, "images", "")), labels: p.path(argWord(source, "labels", "")),
			testImages: p.path(argWord(source, "test_images", "")), testLabels: p.path(argWord(source, "test_labels", "")),
		}
		if f.images == "" || f.labels == "" {
			return idxFiles{}, errors.New("idx needs images and labels, the paths of two files")
		}
		if (f.testImages == "") != (f.testLabels == "") {
			return idxFiles{}, errors.New("idx needs test_images and test_labels together")
		}
		return f, nil
	}
	return idxFiles{}, fmt.Errorf("no data source is called %s; there are mnist, idx and csv", source.name)
}

// path resolves a path of the recipe.
func (p dataPlace) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.base, filepath.FromSlash(name))
}

// filesIn finds the four files that MNIST and its successors come as, each gzipped or plain. The test files may be missing.
func filesIn(folder string) (idxFiles, error) {
	var f idxFiles
	for _, x := range []struct {
		path     *string
		stem     string
		required bool
	}{
		{&f.images, "train-images-idx3-ubyte", true},
		{&f.labels, "train-labels-idx1-ubyte", true},
		{&f.testImages, "t10k-images-idx3-ubyte", false},
		{&f.testLabels, "t10k-labels-idx1-ubyte", false},
	} {
		found, err := firstFile(filepath.Join(folder, x.stem+".gz"), filepath.Join(folder, x.stem))
		if err != nil {
			return idxFiles{}, err
		}
		if found == "" && x.required {
			return idxFiles{}, fmt.Errorf("%s holds neither %s.gz nor %s", folder, x.stem, x.stem)
		}
		*x.path = found
	}
	if (f.testImages == "") != (f.testLabels == "") {
		return idxFiles{}, fmt.Errorf("%s holds only one of the two t10k files", folder)
	}
	return f, nil
}

// firstFile returns the first path that exists, or "".
func firstFile(paths ...string) (string, error) {
	for _, p := range paths {
		switch _, err := os.Stat(p); {
		case err == nil:
			return p, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return "", nil
}
