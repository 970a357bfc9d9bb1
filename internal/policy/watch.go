package policy

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long the files must have been quiet before they are read: editors write in several steps.
const settleTime = 100 * time.Millisecond

// lookTime is how often the files are read without having been told of a change: network file systems tell nothing.
const lookTime = 30 * time.Second

// Watch follows the files of the set until the context ends and calls reload once their content is another. A set that
// does not load is tried once, not again until it changes. Folders are watched rather than files, since editors rename and
// a mounted volume swaps links. The error says that the files cannot be watched at all.
func (e *Engine) Watch(ctx context.Context, reload func(context.Context) error) error {
	local, poll := e.options.files(), e.options.Poll
	if len(local) == 0 && e.options.remotes == nil {
		return nil
	}
	if poll <= 0 {
		poll = DefaultPoll
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch policies: %w", err)
	}
	defer watcher.Close()
	w := &watch{engine: e, watcher: watcher, local: local, last: e.Revision()}
	if err := w.follow(); err != nil {
		return fmt.Errorf("watch policies: %w", err)
	}
	look := time.NewTicker(lookTime)
	defer look.Stop()
	ask := time.NewTicker(poll)
	defer ask.Stop()
	settled := time.NewTimer(settleTime) // what changed while the watch began counts too
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if w.concerns(event.Name) && event.Op != fsnotify.Chmod {
				settled.Reset(settleTime)
			}
		case err := <-watcher.Errors:
			// Events may have been lost: look, whatever it was.
			e.logger.Warn("watch policies", "error", err)
			settled.Reset(settleTime)
		case <-ask.C:
			if err := e.options.remotes.fetch(ctx); err != nil {
				e.logger.Warn("the last good bundle stays in use", "error", err)
			}
			w.look(ctx, reload)
		case <-look.C:
			w.look(ctx, reload)
		case <-settled.C:
			w.look(ctx, reload)
		}
	}
}

// files are the paths of the options that are on this machine.
func (o *Options) files() []string {
	var local []string
	for _, name := range slices.Concat(o.Paths, o.Data) {
		if !IsRemote(name) {
			local = append(local, filepath.Clean(name))
		}
	}
	return local
}

// watch is the state of one Watch.
type watch struct {
	engine  *Engine
	watcher *fsnotify.Watcher
	local   []string
	last    string // the revision that was loaded, or tried, last
}

// follow adds all folders there are to the watcher. A folder that is watched already stays so.
func (w *watch) follow() error {
	for _, name := range w.local {
		// The parent tells when the path itself is replaced.
		if err := w.watcher.Add(filepath.Dir(name)); err != nil {
			return err
		}
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil // gone again, or a file
			}
			if path != name && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return w.watcher.Add(path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// concerns tells the policies' files from their neighbours.
func (w *watch) concerns(changed string) bool {
	changed = filepath.Clean(changed)
	for _, name := range w.local {
		if changed == name || strings.HasPrefix(changed, name+string(filepath.Separator)) {
			return true
		}
		// The file of a mounted volume is a link to one behind ..data, which is what is swapped.
		if filepath.Dir(changed) == filepath.Dir(name) && strings.HasPrefix(filepath.Base(changed), "..") {
			return true
		}
	}
	return false
}

// look reloads if the content of the files is another than before.
func (w *watch) look(ctx context.Context, reload func(context.Context) error) {
	if err := w.follow(); err != nil {
		w.engine.logger.Warn("watch policies", "error", err)
	}
	revision := w.engine.revisionOfFiles()
	if revision == w.last {
		return
	}
	w.last = revision
	_ = reload(ctx) // Reload itself has told
}

// revisionOfFiles is what Revision would be if the files were loaded now; of files that cannot be read, the error.
func (e *Engine) revisionOfFiles() string {
	src, err := collectSources(e.options)
	if err != nil {
		return err.Error()
	}
	return src.revision()
}
