#!/usr/bin/env bash
# Writes the plans of the specs that a pull request changes into one comment, and keeps it current.
# Reads FOLDER, BASE, NUMBER, REPOSITORY, COMMENT and GH_TOKEN; called by action.yml.
set -euo pipefail
marker='<!-- abtest plan -->'
echo "$marker" > "$COMMENT"

git fetch --quiet --depth=1 origin "$BASE"
changed=0
while IFS= read -r -d '' spec; do
  changed=1
  # A spec that cannot be planned yet (no baselines) says so instead.
  abtest plan "$spec" --format md >> "$COMMENT" 2> "$COMMENT.err" ||
    { printf '### %s\n\n```\n' "$spec"; cat "$COMMENT.err"; printf '```\n'; } >> "$COMMENT"
  echo >> "$COMMENT"
done < <(git diff --name-only --diff-filter=d -z "$BASE" -- "$FOLDER" | grep -zE '(^|/)experiment\.ya?ml$')
[ "$changed" = 1 ] || exit 0

mine=$(gh api --paginate "repos/$REPOSITORY/issues/$NUMBER/comments" \
  --jq ".[] | select(.body | startswith(\"$marker\")) | .id" | head -n 1)
if [ -n "$mine" ]; then
  gh api --silent --method PATCH "repos/$REPOSITORY/issues/comments/$mine" --field "body=@$COMMENT"
else
  gh api --silent "repos/$REPOSITORY/issues/$NUMBER/comments" --field "body=@$COMMENT"
fi
