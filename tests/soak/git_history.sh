#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# git_history.sh COMMITS: makes a repository with branches and merges, packs it, clones it
# and checks it. Prints NAME=HASH lines, which depend on COMMITS alone.

set -euo pipefail
commits=$1

export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org

at() {
	export GIT_AUTHOR_DATE="$((1700000000 + $1)) +0000" GIT_COMMITTER_DATE="$((1700000000 + $1)) +0000"
}

hash_of() {
	sha256sum | cut -c1-16
}

git init -q -b main history
cd history
for ((i = 0; i < commits; i++)); do
	at "$i"
	seq $((i * 7)) $((i * 7 + 400)) >"file$((i % 9))"
	git add -A
	git commit -q -m "change $i"
	if ((i % 5 == 3)); then
		git checkout -q -b "side$i" HEAD~1
		seq "$i" 90 >"side$i"
		git add -A
		git commit -q -m "side $i"
		git checkout -q main
		git merge -q --no-ff -m "merge $i" "side$i"
	fi
done
echo "head=$(git rev-parse HEAD)"
echo "log=$(git log --graph --stat | hash_of)"
echo "blame=$(git blame --line-porcelain file1 | hash_of)"
echo "difference=$(git diff HEAD~5 -M -C --find-copies-harder | hash_of)"
git repack -q -a -d --depth=20 --window=20 --threads=2
git fsck --full --strict >/dev/null 2>&1
cd ..
git clone -q --no-local history copy
cd copy
echo "clone=$(git rev-parse HEAD)"
echo "files=$(git ls-tree -r HEAD | hash_of)"
git rebase -q --onto HEAD~3 HEAD~1 >/dev/null
git status --short | wc -l | sed 's/^ */changes=/'
