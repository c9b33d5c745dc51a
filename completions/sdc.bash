# Completion of sdc for bash.
_sdc()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
    local -A options=(
        [compile]="--output --dim --shape --bind --size --batch --prompt-chunks --clip-skip --default --emit --isa --cc --cflag --static --prefix
                   --keep-source --jobs --no-cache --quiet --verbose --max-memory --no-fuse --rate --dtype --calibrate --weights --exact --pack --tune
                   --lock --threads --seed --help"
        [inspect]="--dim --shape --bind --max-memory --no-fuse --rate --dtype --calibrate --weights --exact --pack --help"
        [verify]="--data --input --compiled --bisect --check-passes --wide --rtol --atol --rms --dim --shape --bind --bind-integers --seed
                  --threads --isa --cc --cflag --static --keep-source --emulator --jobs --no-cache --max-memory --no-fuse --rate
                  --dtype --calibrate --weights --exact --pack --help"
        [print]="--after --dim --shape --bind --no-fuse --rate --dtype --calibrate --weights --exact --pack --help"
        [explain]="--dim --shape --bind --size --no-fuse --rate --dtype --calibrate --weights --exact --pack --json --help"
        [bench]="--dim --shape --bind --threads --runs --each --seed --no-fuse --rate --dtype --calibrate --weights --exact --pack --json --report --isa --cc --cflag --jobs
                 --no-cache --help"
    )
    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "compile inspect verify print explain bench --help --version" -- "$word")
        return
    fi
    case $before in
    --emit) words="exe lib source" ;;
    --isa) words="native generic x86-64-v3 x86-64-v4 avx512-bf16 amx aarch64" ;;
    --dtype) words="f32 bf16 f16 int8" ;;
    --pack) words="winograd" ;;
    --weights) words="float int8 int4" ;;
    --no-fuse) words="attention projection norm epilogue chain upsample shortcut pad hoist concat" ;;
    --after) words="bind masked infer fold simplify norm activation attention rotary decompose projection gate concat integers quantise precision hoist strips fuse" ;;
    --cc | --emulator) mapfile -t COMPREPLY < <(compgen -c -- "$word") && return ;;
    --keep-source) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    --dim | --shape | --bind | --calibrate | --input | --size | --batch | --default | --cflag | --prefix | --max-memory | --jobs | -j | --seed | --threads | \
        --runs | --rtol | --atol | --rms) return ;;
    esac
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${options[$command]-}" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _sdc sdc
