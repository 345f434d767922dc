# Builds a Dockerfile without Docker. scripts/check/containers sources it, as root, in its own mount namespace. It knows
# the instructions that the project's Dockerfile uses; others are errors.
#
# The files of each stage are an overlay on a folder in `stands_in` that replaces its image. After `carry_out`
# these variables describe the last stage: `root`, its files; `environment`, `workdir`, `user`, `volume`, `stop_signal`;
# `command` and `health`, arrays. `launcher` is the prefix of every command that `inside` runs.

declare -A stands_in=() roots=()
launcher=()

# instructions FILE: one per line, without comments and continuations.
instructions() {
    sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$1" | sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}'
}

# words NAME TEXT: sets the array NAME to the command of a shell or exec form.
words() {
    local -n into=$1
    local rest=$2
    into=()
    case $rest in
    '['*)
        while [[ $rest =~ \"([^\"]*)\"(.*) ]]; do
            into+=("${BASH_REMATCH[1]}")
            rest=${BASH_REMATCH[2]}
        done
        ;;
    *) into=(/bin/sh -c "$rest") ;;
    esac
}

# begin_stage IMAGE NAME
begin_stage() {
    local base=${stands_in[$1]:-} files=$work/stages/$2
    [ -n "$base" ] || { echo "unknown image $1" >&2; return 1; }
    mkdir -p "$files"/{upper,work,root}
    root=$files/root
    roots[$2]=$root
    mount -t overlay overlay -o "lowerdir=$base,upperdir=$files/upper,workdir=$files/work" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    # If the system itself is the stand-in, the environment says where its Rust is.
    [ "$base" != / ] || environment=("${system_environment[@]}")
    workdir=/ user='' volume='' stop_signal=TERM command=() health=()
}

# inside COMMAND…: runs it with the user, files, folder and variables of the stage.
inside() {
    "${launcher[@]}" chroot ${user:+"--userspec=$user"} "$root" /usr/bin/env -i "--chdir=$workdir" "${environment[@]}" "$@"
}

# copy [--from=STAGE] SOURCE… TARGET: of a folder, its contents are copied.
copy() {
    local from=$context source
    case $1 in
    --from=*)
        from=${roots[${1#--from=}]}
        shift
        ;;
    --*)
        echo "unknown flag of COPY: $1" >&2
        return 1
        ;;
    esac
    local to=$root/${!#}
    [[ ${!#} = /* ]] || to=$root$workdir/${!#}
    for source in "${@:1:$#-1}"; do
        [ -e "$from/$source" ] || { echo "COPY: $source does not exist" >&2; return 1; }
        [ ! -d "$from/$source" ] || source+=/.
        cp -a --no-preserve=ownership "$from/$source" "$to"
    done
}

# carry_out FILE
carry_out() {
    local instruction rest image name flag
    while read -r -u 9 instruction rest; do
        printf '%4ss  %s %.100s\n' "$SECONDS" "$instruction" "$rest"
        case $instruction in
        FROM)
            read -r image _ name <<<"$rest"
            begin_stage "$image" "${name:-last}"
            ;;
        WORKDIR)
            workdir=$rest
            mkdir -p "$root$workdir"
            [ "$(type -t entered)" != function ] || entered
            ;;
        COPY) copy $rest ;;
        RUN)
            if ! inside /bin/sh -c "$rest" >"$work/log" 2>&1 </dev/null; then
                tail -n 50 "$work/log" >&2
                return 1
            fi
            ;;
        ENV) environment+=($rest) ;;
        USER) user=$rest ;;
        VOLUME) volume=$rest ;;
        STOPSIGNAL) stop_signal=${rest#SIG} ;;
        CMD) words command "$rest" ;;
        HEALTHCHECK) words health "${rest#*CMD }" ;;
        EXPOSE) ;;
        *)
            echo "unknown instruction: $instruction" >&2
            return 1
            ;;
        esac
    done 9< <(instructions "$1")
}
